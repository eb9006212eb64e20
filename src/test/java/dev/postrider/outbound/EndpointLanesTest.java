package dev.postrider.outbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** How the places of a node are shared out to endpoints of which some hang. */
class EndpointLanesTest {

    private static final int NODE = 512;
    private static final int USUAL = 16;

    private final AtomicLong skipped = new AtomicLong();
    private final EndpointLanes lanes = new EndpointLanes(() -> System.nanoTime() + skipped.get());

    @Test
    void endpointsThatHangGetLittleMoreThanHalfOfTheNodeHoweverManyTheyAre() throws Exception {
        UUID known = UUID.randomUUID();
        lanes.enter(known, known, known, USUAL, NODE);
        lanes.leave(known, known, known);
        int hanging = 0;
        for (int round = 0; round < 12; round++) {
            for (int i = 0; i < 25; i++) {
                hanging += fill(UUID.randomUUID(), UUID.randomUUID(), 1, USUAL);
            }
            skip(2);
        }
        assertThat(hanging).isBetween(NODE / 4, NODE / 2 + 25); // those of one second are not known to hang
        assertThat(fill(known, known, 40, USUAL)).isEqualTo(USUAL);
    }

    @Test
    void aWorkspaceWhoseEndpointsHangLeavesRoomForEndpointsThatNobodyKnows() throws Exception {
        UUID workspace = UUID.randomUUID();
        int hanging = 0;
        for (int i = 0; i < 20; i++) {
            hanging += fill(workspace, UUID.randomUUID(), USUAL, USUAL);
        }
        assertThat(hanging).isLessThanOrEqualTo(NODE / 3 + 1);
        skip(20);
        assertThat(fill(workspace, UUID.randomUUID(), 1, USUAL)).isZero();
        for (int i = 0; i < 5; i++) {
            UUID neighbour = UUID.randomUUID();
            assertThat(fill(neighbour, neighbour, 5, USUAL)).isEqualTo(5);
        }
    }

    @Test
    void whoAsksForMoreThanTheNodeHasGetsASmallPartOfIt() throws Exception {
        UUID unknown = UUID.randomUUID();
        assertThat(fill(unknown, unknown, 100, 1_000)).isLessThanOrEqualTo(NODE / 16);
        UUID known = UUID.randomUUID();
        lanes.enter(known, known, known, 1_000, NODE);
        lanes.leave(known, known, known);
        assertThat(fill(known, known, 100, 1_000)).isBetween(NODE / 16, NODE / 8);
    }

    @Test
    void howManyAnEndpointMayHaveIsAskedEachTime() throws Exception {
        UUID endpoint = UUID.randomUUID();
        assertThat(fill(endpoint, endpoint, 6, 4)).isEqualTo(4);
        assertThat(fill(endpoint, endpoint, 6, 8)).isEqualTo(4);
        assertThat(fill(endpoint, endpoint, 6, 2)).isZero();
    }

    @Test
    void whoIsTurnedAwayIsToldWhatIsUnderWay() throws Exception {
        UUID endpoint = UUID.randomUUID();
        UUID first = UUID.randomUUID();
        assertThat(lanes.enter(endpoint, endpoint, first, 1, NODE)).isEmpty();
        assertThat(lanes.enter(endpoint, endpoint, UUID.randomUUID(), 1, NODE)).contains(Set.of(first));
        lanes.leave(endpoint, endpoint, first);
        assertThat(lanes.enter(endpoint, endpoint, UUID.randomUUID(), 1, NODE)).isEmpty();
    }

    @Test
    void aBurstToAnEndpointThatAnswersIsNotTurnedAway() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(NODE);
        try {
            UUID endpoint = UUID.randomUUID();
            List<Future<Boolean>> entered = new ArrayList<>();
            for (int i = 0; i < 500; i++) {
                entered.add(threads.submit(() -> {
                    UUID delivery = UUID.randomUUID();
                    boolean in = lanes.enter(endpoint, endpoint, delivery, USUAL, NODE)
                            .isEmpty();
                    if (in) {
                        Thread.sleep(10); // the endpoint's answer
                        lanes.leave(endpoint, endpoint, delivery);
                    }
                    return in;
                }));
            }
            for (Future<Boolean> one : entered) {
                assertThat(one.get()).isTrue();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    /** Lets so many deliveries try; returns how many got a place. */
    private int fill(UUID workspace, UUID endpoint, int deliveries, int most) throws InterruptedException {
        int entered = 0;
        for (int i = 0; i < deliveries; i++) {
            if (lanes.enter(workspace, endpoint, UUID.randomUUID(), most, NODE).isEmpty()) {
                entered++;
            }
        }
        return entered;
    }

    private void skip(long seconds) {
        skipped.addAndGet(seconds * 1_000_000_000L);
    }
}
