package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** When a node has its lease; the alarms that the lease sets are let off by hand. */
class LeaseTest {

    private static final Map<String, Object> KNOWN = Map.of("known", true);
    private static final Map<String, Object> UNKNOWN = Map.of("known", false);

    private final Handlers handlers = new Handlers();
    private final List<Runnable> alarms = new ArrayList<>();
    private final Lease lease = new Lease(
            handlers,
            (delay, alarm) -> {
                alarms.add(alarm);
                return null;
            },
            new ClaimScheduler(handlers, null, new TaskMeters(new SimpleMeterRegistry())));

    @Test
    void a_lease_ends_when_no_heartbeat_is_answered_and_begins_again_with_the_next_one() {
        beat(UNKNOWN);
        assertThat(handlers.isLeased()).as("new nodes are not known").isTrue();
        alarms.get(0).run();
        assertThat(handlers.isLeased()).isFalse();
        beat(KNOWN);
        assertThat(handlers.isLeased()).isTrue();
    }

    @Test
    void an_alarm_that_went_off_while_the_answer_was_taken_ends_the_old_lease_and_not_the_new_one() {
        beat(UNKNOWN);
        beat(KNOWN);

        alarms.get(0).run();
        assertThat(handlers.isLeased()).isTrue();
        alarms.get(1).run();
        assertThat(handlers.isLeased()).isFalse();
    }

    @Test
    void a_node_that_was_declared_dead_takes_nothing_until_its_next_heartbeat() {
        beat(UNKNOWN);
        beat(UNKNOWN);
        assertThat(handlers.isLeased())
                .as("a worker that took a task before has to see the loss")
                .isFalse();
        beat(KNOWN);
        assertThat(handlers.isLeased()).isTrue();
    }

    private void beat(Map<String, Object> answer) {
        lease.ask();
        lease.renewed(answer);
    }
}
