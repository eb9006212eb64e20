package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.MeterRegistry;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Who knows an address and not the secret fills no database. */
class UnverifiedReceiptsTest extends InboundTest {

    private static final UUID SOURCE = UUID.randomUUID();

    private final StoppedClock clock = new StoppedClock();
    private final UnverifiedReceipts receipts = new UnverifiedReceipts(60, clock);

    @Test
    void beyond_the_limit_a_request_is_answered_429_without_a_receipt_and_a_genuine_one_is_taken_in() {
        String path = source("stripe", null, SECRET);
        String body = subscription("evt_1", "sub_1", 100, "active");
        double before = throttled();

        int kept = 0;
        HttpResponse<String> answer = send(path, bytes("{}"), Map.of());
        while (answer.statusCode() == 401 && kept < 1000) {
            kept++;
            answer = send(path, bytes("{}"), Map.of());
        }

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(429);
        assertThat(answer.headers().firstValue("Retry-After")).isPresent();
        assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        assertThat(answer.body()).contains("postrider.limits.unverified-receipts");
        assertThat(kept).isGreaterThanOrEqualTo(60);
        assertThat(count("inbound_receipts")).isEqualTo(kept);
        assertThat(throttled() - before).isOne();
        assertThat(stripe(path, body).statusCode()).isEqualTo(200);
        assertThat(send(source("stripe", null, SECRET), bytes("{}"), Map.of()).statusCode())
                .as("at another source")
                .isEqualTo(401);
    }

    @Test
    void a_minutes_worth_is_kept_at_once_and_then_as_the_minute_goes_by() {
        assertThat(taken(100)).isEqualTo(60);

        clock.now = clock.now.plusMillis(999);
        assertThat(taken(1)).isZero();
        clock.now = clock.now.plusMillis(2);
        assertThat(taken(2)).isOne();
        clock.now = clock.now.plus(Duration.ofSeconds(30));
        assertThat(taken(100)).isEqualTo(30);
        clock.now = clock.now.plus(Duration.ofDays(1));
        assertThat(taken(100)).isEqualTo(60);
    }

    @Test
    void a_clock_that_is_put_back_gives_and_takes_nothing() {
        assertThat(taken(100)).isEqualTo(60);

        clock.now = clock.now.minus(Duration.ofDays(1));
        assertThat(taken(1)).isZero();
        clock.now = clock.now.plus(Duration.ofSeconds(10));
        assertThat(taken(100)).isEqualTo(10);
    }

    @Test
    void however_many_sources_there_are_the_memory_is_bounded_and_the_troubled_ones_are_remembered() {
        assertThat(taken(100)).isEqualTo(60);
        IntStream.range(0, 9_000).forEach(n -> receipts.take(UUID.randomUUID()));
        assertThat(taken(1)).isZero();

        IntStream.range(0, 10_000).forEach(n -> receipts.take(UUID.randomUUID()));
        assertThat(taken(100)).as("forgotten").isEqualTo(60);
    }

    private long taken(int times) {
        return IntStream.range(0, times).filter(n -> receipts.take(SOURCE)).count();
    }

    private static double throttled() {
        return APPLICATION
                .bean(MeterRegistry.class)
                .counter("postrider.inbound", "provider", "stripe", "verdict", "throttled")
                .count();
    }

    private static final class StoppedClock extends Clock {
        private Instant now = Instant.parse("2026-01-01T00:00:00Z");

        @Override
        public Instant instant() {
            return now;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            throw new UnsupportedOperationException("Tests use instants");
        }
    }
}
