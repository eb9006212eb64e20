package dev.postrider.books;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.MigratedDatabase;
import dev.postrider.testkit.Reading;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the books read of a history of 300,000 counted tasks, half of them in a closed partition. */
class BooksPlansTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final UUID WORKSPACE = DATABASE.newWorkspace();

    @BeforeAll
    static void aHistory() {
        DATABASE.sql().execute("""
                set role postrider_owner;
                select postrider.make_partitions(parent, postrider.period_after('month', now(), -1))
                  from unnest(array ['task_history', 'accepted_log']) parent;
                reset role""");
        add("date_trunc('month', now(), 'UTC') - interval '1 hour'", 150_000);
        add("now() - interval '2 minutes'", 150_000);
        DATABASE.sql().execute("update postrider.book_state set counted_until = now() - interval '1 minute'");
        add("now()", 100);
        DATABASE.sql().execute("""
                insert into postrider.book_totals (workspace_id, kind, accepted, completed)
                select workspace_id, kind, sum(accepted), sum(completed)
                  from postrider.booked('-infinity', (select counted_until from postrider.book_state)) group by 1, 2""");
        DATABASE.sql().execute("vacuum analyze postrider.task_history, postrider.accepted_log");
    }

    /** A generic plan knows no time. The first rows that are not counted share a range of 1 MB with the last that are. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            dispatcher | force_generic_plan | select * from postrider.read_books()
            dispatcher | force_custom_plan  | select * from postrider.read_books()
            dispatcher | force_generic_plan | select postrider.keep_books()
            dispatcher | force_generic_plan | select * from postrider.reconcile_books(true)
            operator   | force_generic_plan | select * from postrider.accounting where unaccounted = 0
            analyst    | force_generic_plan | select * from postrider.accounting where unaccounted = 0""")
    void counted_rows_are_not_read(String role, String plans, String statement) {
        Reading reading = DATABASE.as(role, null, sql -> Reading.of(sql, plans, statement, List.of()));

        assertThat(reading.tables())
                .as(statement)
                .extracting(Reading.Table::name)
                .noneMatch(name -> name.contains(lastMonth()));
        assertThat(reading.rows()).as(reading.toString()).isLessThan(20_000);
        assertThat(reading.readWhole()).as(reading.toString()).isEmpty();
    }

    /** So the bound is tight: pages tell what rows do not, because the primary key holds the time, too. */
    @Test
    void without_the_indexes_on_time_counted_rows_would_be_read() {
        long pages = pages("select 1");

        assertThat(pages("drop index postrider.task_history_time, postrider.accepted_log_time"))
                .isGreaterThan(2 * pages);
    }

    private static long pages(String before) {
        return DATABASE.as(DATABASE.location().username(), DATABASE.location().password(), null, sql -> {
            sql.execute(before);
            sql.execute("set local role postrider_analyst");
            Reading reading = Reading.of(sql, "force_generic_plan", "select * from postrider.accounting", List.of());
            sql.execute("rollback");
            return reading.buffers();
        });
    }

    private static String lastMonth() {
        return DATABASE.sql()
                .queryForObject(
                        "select to_char(now() at time zone 'UTC' - interval '1 month', 'YYYY_MM')", String.class);
    }

    private static void add(String time, int tasks) {
        DATABASE.sql().execute("""
                with made as materialized (
                    select postrider.new_id() as id, %1$s as moment from generate_series(1, %2$d)
                ), logged as (
                    insert into postrider.accepted_log (workspace_id, kind, task_ids, accepted_at)
                    select '%3$s', 'task', array [id], moment from made
                )
                insert into postrider.task_history (workspace_id, task_id, created_at, kind, task_type, task_status,
                    priority_rank, scheduled_at, attempt_count, failure_count, completed_at, payload)
                select '%3$s', id, moment, 'task', 'books', 'completed', 0, moment, 1, 0, moment, '{}' from made""".formatted(time, tasks, WORKSPACE));
    }
}
