package dev.postrider.analytics;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.database.SqlFile;
import dev.postrider.testkit.MigratedDatabase;
import dev.postrider.testkit.Reading;
import java.time.LocalDate;
import java.time.YearMonth;
import java.time.ZoneOffset;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.jdbc.core.JdbcTemplate;

/** What analysts ask is what one counts by hand, and only the partitions of the days in question are read for it. */
class AnalyticsTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final UUID MINE = DATABASE.newWorkspace();
    private static final UUID OTHER = DATABASE.newWorkspace();
    private static final UUID ENDPOINT = UUID.randomUUID();
    private static final YearMonth NOW = YearMonth.now(ZoneOffset.UTC);

    /** Far enough from now: the views of the last 30 days do not see it. */
    private static final YearMonth MONTH = NOW.minusMonths(8);

    private static final LocalDate FIRST = MONTH.atDay(10);

    @BeforeAll
    static void someDays() {
        DATABASE.sql().query("""
                select postrider.make_partition(partrelid, postrider.period_after('month', now(), -ago),
                                                postrider.period_after('month', now(), 1 - ago))
                  from pg_partitioned_table, generate_series(1, 24) ago""", row -> {});
        // Two days apart by a millisecond; 100 ms until claimed, then 1 s and 3 s.
        ended(MINE, "report", "completed", "10T00:00:00.000Z", 0, "[]", 1_000);
        ended(MINE, "report", "completed", "10T23:59:59.999Z", 2, "[{}, {}]", 3_000);
        ended(
                MINE,
                "report",
                "completed",
                "11T00:00:00.000Z",
                0,
                "[{}, {}, {}]",
                1_000); // replayed after three failures
        ended(MINE, "report", "cancelled", "10T12:00:00.000Z", 0, "[]", 0);
        ended(MINE, "mail", "discarded", "10T12:00:00.000Z", 0, "[{}]", 0);
        ended(MINE, "mail", "cancelled", "11T12:00:00.000Z", 3, "[{}, {}, {}]", 0);
        ended(OTHER, "report", "completed", "10T12:00:00.000Z", 0, "[]", 1_000);
        died(MINE, "report", "10T23:59:59.999Z", 4);
        died(OTHER, "report", "11T00:00:00.000Z", 1);
        died(OTHER, "report", "12T00:00:00.000Z", 1); // outside of what is asked for

        // Three arrive, after 1, 3 and, a day later, 90,000 s; the second at the second attempt, the last at the third.
        UUID first = delivery("10T10:00:00.000Z", "completed", "10T10:00:02.000Z", 0);
        attempt(first, "10T10:00:00.500Z", 500, null);
        UUID second = delivery("10T10:00:00.000Z", "completed", "10T10:00:04.000Z", 1);
        attempt(second, "10T10:00:01.000Z", 500, "refused");
        attempt(second, "10T10:00:02.000Z", 1_000, null);
        UUID third = delivery("10T10:00:00.000Z", "completed", "11T11:00:01.000Z", 2);
        attempt(third, "10T10:00:01.000Z", 500, "refused");
        attempt(third, "11T10:00:01.000Z", 500, "refused");
        attempt(third, "11T10:59:59.000Z", 1_000, null);
    }

    @ParameterizedTest
    @ValueSource(strings = {"UTC", "Pacific/Kiritimati", "America/Los_Angeles"})
    void tasks_are_counted_by_the_utc_day_of_their_end(String timeZone) {
        assertThat(asked("analyst", null, timeZone, TASKS + " where kind = 'task'"))
                .containsExactlyInAnyOrder(
                        // completed, dead, discarded, cancelled; rate; first attempt, retries; wait; run
                        MINE + " 10 report 2 1 0 1 0.666666 1 5 100 100 2000 2980",
                        MINE + " 11 report 1 0 0 0 1.000000 0 3 100 100 1000 1000",
                        MINE + " 10 mail 0 0 1 0 0.000000 0 0 - - - -",
                        MINE + " 11 mail 0 0 0 1 - 0 2 - - - -",
                        OTHER + " 10 report 1 0 0 0 1.000000 1 0 100 100 1000 1000",
                        OTHER + " 11 report 0 1 0 0 0.000000 0 0 - - - -");
    }

    @ParameterizedTest
    @ValueSource(strings = {"UTC", "Pacific/Kiritimati", "America/Los_Angeles"})
    void deliveries_are_counted_by_the_utc_day_and_timed_from_the_event_to_the_answer(String timeZone) {
        assertThat(asked("analyst", null, timeZone, DELIVERIES))
                .containsExactlyInAnyOrder(
                        // delivered, dead, discarded, cancelled; rate; first attempt, retries, attempts; times
                        MINE + " 10 " + ENDPOINT + " 2 0 0 0 1.000000 1 1 4 2000 2900 2980",
                        MINE + " 11 " + ENDPOINT + " 1 0 0 0 1.000000 0 2 2 90000000 90000000 90000000");
    }

    @Test
    void a_dead_letter_that_was_replayed_counts_as_what_it_became() {
        UUID workspace = DATABASE.newWorkspace();
        UUID task = died(workspace, "again", "10T12:00:00.000Z", 2);
        assertThat(asked("analyst", null, "UTC", TASKS + " where task_type = 'again'"))
                .containsExactly(workspace + " 10 again 0 1 0 0 0.000000 0 1 - - - -");

        DATABASE.as(
                "tenant",
                workspace,
                sql -> sql.queryForObject(
                        "select postrider.replay_dead_letter(dead_letter_id, 'again') from postrider.dead_letters",
                        UUID.class));
        DATABASE.as("dispatcher", null, sql -> {
            sql.queryForList("select postrider.heartbeat('analytics', 'test', '[]')");
            sql.queryForList("select * from postrider.claim_tasks('analytics', '{\"again\": {\"free\": 1}}')");
            return sql.queryForList(
                    "select * from postrider.finish_tasks('analytics', array [?], array [?], array [3])",
                    workspace,
                    task);
        });

        assertThat(asked("analyst", null, "UTC", TASKS + " where task_type = 'again'"))
                .isEmpty();
        List<String> today = DATABASE.as("analyst", null, sql -> sql.queryForList("""
                select concat_ws(' ', completed, dead_lettered, first_attempt, retries) from postrider.daily_tasks
                 where task_type = 'again'""", String.class));
        assertThat(today).containsExactly("1 0 0 2");
    }

    @ParameterizedTest
    @ValueSource(strings = {"daily_tasks", "daily_deliveries", "ended_tasks"})
    void a_tenant_sees_its_own_days_only(String view) {
        String question = view.startsWith("ended")
                ? "select workspace_id from postrider.ended_tasks"
                : "select workspace_id from postrider.%s('%s', '%s')".formatted(view, FIRST, FIRST.plusDays(1));

        assertThat(asked("tenant", null, "UTC", question)).isEmpty();
        assertThat(asked("tenant", MINE, "UTC", question)).isNotEmpty().containsOnly(MINE.toString());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            select * from postrider.daily_tasks($1, $2) | task_history
            select * from postrider.daily_deliveries($1, $2) | task_history, delivery_attempts
            select day, count(*) from postrider.ended_tasks where ended_at between $1 and $2 group by day | task_history
            """)
    void days_of_one_month_are_read_from_its_partition(String question, String tables) {
        for (String mode : List.of("force_custom_plan", "force_generic_plan")) {
            Reading reading = read(
                    mode, question, List.of(FIRST.toString(), FIRST.plusDays(1).toString()));

            assertThat(partitions(reading))
                    .as(mode)
                    .containsExactlyInAnyOrderElementsOf(List.of(tables.split(", ")).stream()
                            .map(table -> table + "_" + suffix(MONTH))
                            .toList());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"daily_tasks", "daily_deliveries"})
    void the_last_30_days_are_read_from_the_partitions_of_their_months(String view) {
        LocalDate today = LocalDate.now(ZoneOffset.UTC);
        List<String> months = IntStream.rangeClosed(0, 29)
                .mapToObj(ago -> suffix(YearMonth.from(today.minusDays(ago))))
                .toList();

        Reading reading = read("auto", "select * from postrider." + view, List.of());

        assertThat(partitions(reading))
                .isNotEmpty()
                .allMatch(name -> months.stream().anyMatch(name::endsWith));
    }

    /** What is accepted and how it ended is weighed over all time by accounting; attempts nobody else reads. */
    @Test
    void the_figures_read_the_requests_of_180_days() {
        Reading reading = read("auto", SqlFile.read("queries/analytics/figures.sql"), List.of());

        List<String> months = IntStream.rangeClosed(-3, 6)
                .mapToObj(ago -> "delivery_attempts_" + suffix(NOW.minusMonths(ago)))
                .toList();
        assertThat(partitions(reading).stream().filter(name -> name.startsWith("delivery_attempts")))
                .isNotEmpty()
                .isSubsetOf(months);
    }

    /** Without it the two tests above would pass on a view that prunes nothing. */
    @Test
    void these_tests_notice_a_bound_that_no_partition_sees() {
        Reading reading = read(
                "force_custom_plan",
                "select count(*) from postrider.ended_tasks where day between $1 and $2",
                List.of(FIRST.toString(), FIRST.toString()));

        assertThat(partitions(reading)).hasSizeGreaterThan(24);
    }

    private static final String TASKS = """
            select concat_ws(' ', workspace_id, extract(day from day), task_type, completed, dead_lettered, discarded, cancelled,
                             coalesce(completion_rate::text, '-'), first_attempt, retries, coalesce(round(wait_p50)::text, '-'),
                             coalesce(round(wait_p99)::text, '-'), coalesce(round(run_p50)::text, '-'),
                             coalesce(round(run_p99)::text, '-'))
              from postrider.daily_tasks('%s', '%s')""".formatted(FIRST, FIRST.plusDays(1));

    private static final String DELIVERIES = """
            select concat_ws(' ', workspace_id, extract(day from day), endpoint_id, delivered, dead_lettered, discarded,
                             cancelled, coalesce(success_rate::text, '-'), first_attempt, retries, attempts,
                             coalesce(round(deliver_p50)::text, '-'), coalesce(round(deliver_p95)::text, '-'),
                             coalesce(round(deliver_p99)::text, '-'))
              from postrider.daily_deliveries('%s', '%s')""".formatted(FIRST, FIRST.plusDays(1));

    private static List<String> asked(String role, UUID workspace, String timeZone, String question) {
        return DATABASE.as(role, workspace, sql -> {
            sql.execute("set local time zone '%s'".formatted(timeZone));
            return sql.queryForList(question, String.class);
        });
    }

    private static Reading read(String mode, String question, List<String> values) {
        return DATABASE.as("analyst", null, sql -> Reading.of(sql, mode, question, values));
    }

    private static List<String> partitions(Reading reading) {
        return reading.tables().stream()
                .map(Reading.Table::name)
                .filter(name -> name.matches(".*_\\d{4}_\\d{2}"))
                .toList();
    }

    private static String suffix(YearMonth month) {
        return month.toString().replace('-', '_');
    }

    private static String moment(String dayAndTime) {
        return MONTH + "-" + dayAndTime;
    }

    private static void ended(
            UUID workspace, String type, String status, String at, int failures, String attempts, int milliseconds) {
        DATABASE.sql()
                .update("""
                insert into postrider.task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank,
                                                    scheduled_at, worker_id, attempt_count, failure_count, claimed_at,
                                                    completed_at, created_at, payload, attempts)
                select gen_random_uuid(), ?, 'task', ?, ?, 0, claimed_at - interval '100 ms',
                       case when task_status = 'cancelled' then null else 'node' end, 1, ?, claimed_at, at, at, '{}', ?::jsonb
                  from (select ?::timestamptz as at, ?::timestamptz - ? * interval '1 ms' as claimed_at,
                               ? as task_status) s""", workspace, type, status, failures, attempts, moment(at), moment(at), milliseconds, status);
    }

    private static UUID died(UUID workspace, String type, String at, int failures) {
        UUID task = UUID.randomUUID();
        DATABASE.sql().update("""
                insert into postrider.dead_letters (workspace_id, task_id, kind, task_type, priority_rank, attempt_count,
                                                    failure_count, created_at, dead_at, reason, payload, attempts)
                values (?, ?, 'task', ?, 0, ?, ?, ?::timestamptz, ?::timestamptz, 'dies', '{}',
                        (select jsonb_agg('{}'::jsonb) from generate_series(1, ?)))""", workspace, task, type, failures, failures, moment(at), moment(at), failures);
        return task;
    }

    private static UUID delivery(String occurred, String status, String at, int failures) {
        UUID id = UUID.randomUUID();
        JdbcTemplate sql = DATABASE.sql();
        sql.update(
                "insert into postrider.deliveries (delivery_id, workspace_id, event_id, occurred_at, endpoint_id, event_type)"
                        + " values (?, ?, gen_random_uuid(), ?::timestamptz, ?, 'invoice.paid')",
                id,
                MINE,
                moment(occurred),
                ENDPOINT);
        sql.update("""
                insert into postrider.task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank,
                                                    scheduled_at, attempt_count, failure_count, completed_at, created_at,
                                                    payload)
                values (?, ?, 'delivery', 'delivery', ?, 0, now(), 1, ?, ?::timestamptz, now(),
                        jsonb_build_object('endpointId', ?))""", id, MINE, status, failures, moment(at), ENDPOINT);
        return id;
    }

    private static void attempt(UUID delivery, String at, int milliseconds, String error) {
        DATABASE.sql().update("""
                insert into postrider.delivery_attempts (workspace_id, delivery_id, attempted_at, attempt, request_url,
                                                         request_headers, request_body, duration, error, endpoint_id)
                values (?, ?, ?::timestamptz, 1, 'https://example.com', '{}', '{}', ?, ?, ?)""", MINE, delivery, moment(at), milliseconds, error, ENDPOINT);
    }
}
