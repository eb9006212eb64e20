package dev.postrider.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** When schedules tick: cron expressions in time zones, over changes of the clocks, and fixed rates. */
class TimingTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            30 2 * * *         | UTC              | 2026-01-01T02:30:00Z | 2026-01-02T02:30:00Z 2026-01-03T02:30:00Z
            30 2 * * *         | Asia/Kolkata     | 2026-01-01T00:00:00Z | 2026-01-01T21:00:00Z 2026-01-02T21:00:00Z
            15 30 2 * * *      | UTC              | 2026-01-01T00:00:00Z | 2026-01-01T02:30:15Z 2026-01-02T02:30:15Z
            0 9 * * MON-FRI    | UTC              | 2026-01-02T12:00:00Z | 2026-01-05T09:00:00Z 2026-01-06T09:00:00Z
            0 0 L * *          | UTC              | 2026-01-01T00:00:00Z | 2026-01-31T00:00:00Z 2026-02-28T00:00:00Z
            @daily             | Europe/Berlin    | 2026-01-01T00:00:00Z | 2026-01-01T23:00:00Z 2026-01-02T23:00:00Z
            @hourly            | UTC              | 2026-01-01T00:00:00Z | 2026-01-01T01:00:00Z 2026-01-01T02:00:00Z
            0 0 29 2 *         | UTC              | 2026-01-01T00:00:00Z | 2028-02-29T00:00:00Z 2032-02-29T00:00:00Z
            """)
    void cron_ticks_in_its_time_zone(String cron, String zone, Instant after, String ticks) {
        assertThat(ticks(Timing.cron(cron, ZoneId.of(zone)), after, 2)).isEqualTo(ticks);
    }

    /** Berlin leaves out 02:00 to 03:00 on 29 March 2026, and has it twice on 25 October. Havana has midnight twice. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            left out, comes at the end of the gap | 30 2 * * *      | Europe/Berlin  | 2026-03-28T12:00:00Z | 2026-03-29T01:00:00Z 2026-03-30T00:30:00Z
            left out twice, comes once            | 0,30 2-3 * * *  | Europe/Berlin  | 2026-03-28T12:00:00Z | 2026-03-29T01:00:00Z 2026-03-29T01:30:00Z
            midnight left out                     | @daily          | America/Havana | 2026-03-07T12:00:00Z | 2026-03-08T05:00:00Z 2026-03-09T04:00:00Z
            every hour goes on through the gap    | 30 * * * *      | Europe/Berlin  | 2026-03-29T00:00:00Z | 2026-03-29T00:30:00Z 2026-03-29T01:30:00Z
            twice, comes the first time           | 30 2 * * *      | Europe/Berlin  | 2026-10-24T12:00:00Z | 2026-10-25T00:30:00Z 2026-10-26T01:30:00Z
            asked within the second time          | 30 2 * * *      | Europe/Berlin  | 2026-10-25T01:10:00Z | 2026-10-26T01:30:00Z 2026-10-27T01:30:00Z
            midnight twice                        | @daily          | America/Havana | 2026-10-31T12:00:00Z | 2026-11-01T04:00:00Z 2026-11-02T05:00:00Z
            every hour comes in both              | 30 * * * *      | Europe/Berlin  | 2026-10-25T00:00:00Z | 2026-10-25T00:30:00Z 2026-10-25T01:30:00Z
            every half hour comes in both         | */30 * * * *    | Europe/Berlin  | 2026-10-25T00:15:00Z | 2026-10-25T00:30:00Z 2026-10-25T01:00:00Z
            """)
    void when_clocks_change_a_day_keeps_its_tick_and_an_interval_its_length(
            String what, String cron, String zone, Instant after, String ticks) {
        assertThat(ticks(Timing.cron(cron, ZoneId.of(zone)), after, 2)).as(what).isEqualTo(ticks);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "x",
                "* * * *",
                "* * * * * * *",
                "60 * * * *",
                "* * 32 * *",
                "0 5-1 * * *",
                "@reboot",
                "0 0/0 * * *"
            })
    void what_is_no_cron_expression_is_refused(String text) {
        assertThatThrownBy(() -> Timing.cron(text, ZoneOffset.UTC)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0 0 30 2 *", "0 0 31 4 *"})
    void a_day_that_never_comes_has_no_tick(String text) {
        assertThat(Timing.cron(text, ZoneOffset.UTC).next(Instant.now())).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "2026-01-01T00:00:00Z, 2026-01-01T00:01:30Z",
        "2026-01-01T00:01:29.999Z, 2026-01-01T00:01:30Z",
        "2026-01-01T00:01:30Z, 2026-01-01T00:03:00Z",
        "2025-12-31T23:59:59Z, 2026-01-01T00:00:00Z"
    })
    void a_fixed_rate_keeps_its_beat(Instant after, Instant tick) {
        assertThat(Timing.every(Instant.parse("2026-01-01T00:00:00Z"), 90_000).next(after))
                .hasValue(tick);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            * * * * * *      | 2016-01-01T00:00:00Z   | 2026-01-01T00:00:00.5Z | 2026-01-01T00:00:00Z
            30 2 * * *       | 2026-01-01T02:30:00Z   | 2026-01-01T02:30:00Z   | 2026-01-01T02:30:00Z
            30 2 * * *       | 2026-01-01T02:30:00Z   | 2026-01-03T02:29:59Z   | 2026-01-02T02:30:00Z
            30 2 * * *       | 2026-01-01T02:30:00Z   | 2026-01-03T02:30:00Z   | 2026-01-03T02:30:00Z
            0 0 29 2 *       | 2024-02-29T00:00:00Z   | 2027-01-01T00:00:00Z   | 2024-02-29T00:00:00Z
            """)
    void the_latest_tick_is_found(String cron, Instant tick, Instant now, Instant latest) {
        assertThat(Timing.cron(cron, ZoneOffset.UTC).latest(tick, now)).isEqualTo(latest);
    }

    private static String ticks(Timing timing, Instant after, int count) {
        return Stream.iterate(timing.next(after), Optional::isPresent, tick -> timing.next(tick.orElseThrow()))
                .limit(count)
                .map(tick -> tick.orElseThrow().toString())
                .collect(Collectors.joining(" "));
    }
}
