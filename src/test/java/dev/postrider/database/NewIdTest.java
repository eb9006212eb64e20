package dev.postrider.database;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.TestDatabase;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/** Ids are made by PostgreSQL itself from 18 on, and by a function of ours before: the same promises on all. */
class NewIdTest {

    private static JdbcTemplate sql;

    @BeforeAll
    static void migrate() {
        DatabaseLocation database = TestDatabase.newDatabase();
        var secrets = NewerRelease.secrets();
        new Migration(database, NewerRelease.logins(secrets), secrets).run();
        sql = new JdbcTemplate(new DriverManagerDataSource(database.url(), database.username(), database.password()));
    }

    @Test
    void ids_are_uuids_of_version_7_unique_and_in_the_order_of_their_milliseconds() {
        Instant before =
                sql.queryForObject("select clock_timestamp()", Timestamp.class).toInstant();
        List<UUID> ids = sql.queryForList("select postrider.new_id() from generate_series(1, 20000)", UUID.class);
        Instant after =
                sql.queryForObject("select clock_timestamp()", Timestamp.class).toInstant();

        assertThat(ids).doesNotHaveDuplicates().allSatisfy(id -> {
            assertThat(id.version()).isEqualTo(7);
            assertThat(id.variant()).as("RFC 9562").isEqualTo(2);
        });
        assertThat(ids.stream().map(NewIdTest::milliseconds).toList())
                .isSorted()
                .allSatisfy(ms -> assertThat(ms).isBetween(before.toEpochMilli(), after.toEpochMilli() + 1));
    }

    @Test
    void the_time_of_an_id_and_the_smallest_id_of_a_time_agree() {
        assertThat(sql.queryForObject("""
                select bool_and(postrider.id_floor(postrider.id_time(id)) <= id
                                and postrider.id_floor(postrider.id_time(id) + interval '1 ms') > id
                                and postrider.id_time(postrider.id_floor(postrider.id_time(id))) = postrider.id_time(id)
                                and postrider.id_time(id) between before and clock_timestamp() + interval '1 ms')
                  from (select date_trunc('milliseconds', clock_timestamp()) as before) t,
                       lateral (select postrider.new_id() as id from generate_series(1, 5000)) ids""", Boolean.class)).isTrue();
    }

    private static long milliseconds(UUID id) {
        return id.getMostSignificantBits() >>> 16;
    }
}
