package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ClaimWindowTest {

    private static final Instant NOW = Instant.parse("2030-01-01T00:00:00Z");

    private long time;
    private final ClaimWindow window = new ClaimWindow(() -> time);

    @Test
    void while_looking_at_everything_is_quick_each_claim_does() {
        for (int i = 0; i < 3; i++) {
            assertThat(claim(20)).isEmpty();
            assertThat(window.isNarrow()).isFalse();
        }
    }

    @Test
    void a_claim_that_brings_much_may_take_its_time() {
        ClaimedTask[] many = new ClaimedTask[500];
        Arrays.fill(many, task(Duration.ZERO));

        claim(70, many);

        assertThat(window.isNarrow()).isFalse();
    }

    @Test
    void once_it_is_slow_it_gets_a_tenth_of_the_time() {
        assertThat(claim(100, task(Duration.ofSeconds(3)), task(Duration.ofSeconds(1))))
                .isEmpty();
        assertThat(window.isNarrow()).isTrue();

        Instant start = NOW.minusSeconds(3 + 2);
        assertThat(claim(1)).as("from before the oldest that it brought").contains(start);
        pass(800);
        assertThat(claim(50)).as("a slow one between changes nothing").contains(start);
        pass(100);
        assertThat(claim(100)).as("a second after the last").isEmpty();
        assertThat(claim(1)).contains(NOW.minusSeconds(2));
    }

    @Test
    void it_widens_when_looking_at_everything_is_quick_again() {
        claim(100);
        pass(1000);

        assertThat(claim(5)).isEmpty();

        assertThat(window.isNarrow()).isFalse();
        assertThat(claim(5)).isEmpty();
    }

    @Test
    void a_slow_commit_changes_nothing() {
        window.begin();
        pass(200);
        window.end(List.of(), NOW, Duration.ofMillis(1));

        assertThat(window.isNarrow()).isFalse();
    }

    @Test
    void a_claim_that_failed_does_not_end_the_looking() {
        claim(100);
        pass(1000);
        window.begin(); // and never ends

        assertThat(claim(1)).isEmpty();
    }

    private Optional<Instant> claim(long milliseconds, ClaimedTask... tasks) {
        Optional<Instant> start = window.begin();
        pass(milliseconds);
        window.end(List.of(tasks), NOW, Duration.ofMillis(milliseconds));
        return start;
    }

    private void pass(long milliseconds) {
        time += TimeUnit.MILLISECONDS.toNanos(milliseconds);
    }

    private static ClaimedTask task(Duration waited) {
        return new ClaimedTask(UUID.randomUUID(), UUID.randomUUID(), "window", "{}", 1, 0, 0, Duration.ZERO, waited);
    }
}
