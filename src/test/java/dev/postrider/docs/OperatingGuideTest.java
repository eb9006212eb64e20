package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Guide;
import dev.postrider.testkit.MigratedDatabase;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

/** The commands of docs/guides/operating-the-queue.md do as an operator what stands behind them. */
class OperatingGuideTest {

    @Test
    void the_commands_answer_what_the_guide_says() {
        MigratedDatabase database = MigratedDatabase.create();
        database.sql()
                .queryForList("select postrider.create_workspace('demo', '00000000-0000-7000-8000-0000000000de')");
        SingleConnectionDataSource psql = new SingleConnectionDataSource(
                database.location().directUrl(),
                "postrider_operator_login",
                database.secrets().rolePassword("operator"),
                true);
        try {
            JdbcTemplate operator = new JdbcTemplate(psql);
            int checked = 0;
            for (String block : Guide.blocks("operating-the-queue.md", "sql")) {
                for (MatchResult command : Pattern.compile("(?m)^(.+?);(?: -- (.+))?$")
                        .matcher(block)
                        .results()
                        .toList()) {
                    String answer = answer(operator, command.group(1));
                    assertThat(answer)
                            .as(command.group(1))
                            .contains(command.group(2) == null ? "" : command.group(2))
                            .matches(text -> command.group(2) != null || !text.startsWith("refused"));
                    checked++;
                }
            }
            assertThat(checked).isEqualTo(11);
        } finally {
            psql.destroy();
        }
    }

    private static String answer(JdbcTemplate operator, String sql) {
        try {
            return String.valueOf(operator.queryForList(sql, String.class));
        } catch (DataAccessException e) {
            return "refused: " + e.getMostSpecificCause().getMessage();
        }
    }
}
