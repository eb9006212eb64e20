package dev.postrider.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.actuate.health.Status;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class ReplicaStateTest {

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final ReplicaState state = new ReplicaState(registry, true);

    @Test
    void where_no_replica_is_set_there_is_no_lag_and_nothing_is_unhealthy() {
        ReplicaState none = new ReplicaState(registry, false);
        state.measured(List.of()); // the url is that of a primary

        assertThat(registry.getMeters()).isEmpty();
        assertThat(none.health().getStatus()).isEqualTo(Status.UP);
        assertThat(state.health().getStatus()).isEqualTo(Status.UP);
    }

    @Test
    void a_replica_that_has_replayed_nothing_yet_has_no_lag_to_show() {
        state.measured(List.of(Collections.singletonMap("lag", null)));

        assertThat(lag()).isNaN();
        assertThat(state.health().getStatus()).isEqualTo(Status.UP);
    }

    @Test
    void a_failure_takes_the_last_lag_away_is_logged_once_and_is_over_with_the_next_value(CapturedOutput output) {
        state.measured(List.of(Map.of("lag", 3.5)));
        assertThat(lag()).isEqualTo(3.5);

        for (int i = 0; i < 3; i++) {
            state.failed(new IllegalStateException("outer", new IllegalStateException("it is away")));
        }
        assertThat(lag()).isNaN();
        assertThat(state.health().getStatus()).isEqualTo(Status.UNKNOWN);
        assertThat(state.health().getDetails()).containsEntry("error", "it is away");
        assertThat(output.getOut().lines().filter(line -> line.contains("it is away")))
                .hasSize(1);

        state.measured(List.of(Map.of("lag", 0.5)));
        assertThat(lag()).isEqualTo(0.5);
        assertThat(state.health().getStatus()).isEqualTo(Status.UP);
    }

    private double lag() {
        return registry.get("postrider.replica.lag").gauge().value();
    }
}
