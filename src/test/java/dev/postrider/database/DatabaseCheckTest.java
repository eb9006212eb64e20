package dev.postrider.database;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.TestDatabase;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

@ExtendWith(OutputCaptureExtension.class)
class DatabaseCheckTest {

    @ParameterizedTest
    @CsvSource({"16, 0, 16.10", "16, 9, 16.10", "17, 0, 17.6", "17, 5, 17.6"})
    void versions_with_holes_in_row_level_security_are_told_which_one_closes_them(int major, int minor, String fixed) {
        assertThat(DatabaseCheck.isolationWarning(major, minor).orElseThrow())
                .contains(
                        "PostgreSQL " + major + "." + minor, "row-level security", "Update to " + fixed + " or later");
    }

    @ParameterizedTest
    @CsvSource({"16, 10", "16, 15", "17, 6", "18, 0", "18, 6", "19, 0"})
    void versions_without_known_holes_are_told_nothing(int major, int minor) {
        assertThat(DatabaseCheck.isolationWarning(major, minor)).isEmpty();
    }

    /** Of the server of these tests: silent, unless they run on an old one. */
    @Test
    void the_start_warns_if_the_server_has_such_a_hole(CapturedOutput output) {
        DatabaseLocation location = TestDatabase.newDatabase();
        int version = new JdbcTemplate(
                        new DriverManagerDataSource(location.url(), location.username(), location.password()))
                .queryForObject("select current_setting('server_version_num')::int", Integer.class);

        DatabaseCheck.verify("url", location.url(), location.username(), location.password(), true);

        Optional<String> warning = DatabaseCheck.isolationWarning(version / 10_000, version % 10_000);
        warning.ifPresentOrElse(
                text -> assertThat(output).contains(text),
                () -> assertThat(output).doesNotContain("row-level security"));
    }
}
