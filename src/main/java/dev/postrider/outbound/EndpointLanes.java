package dev.postrider.outbound;

import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Bounds how many deliveries to one endpoint a node has under way: who does not answer soon must not take the place of the
 * others. Safe for any thread.
 */
final class EndpointLanes {

    /** A fast endpoint has a place again before that; waiting for it is cheaper than to put the delivery back. */
    private static final long PATIENCE = 100;

    private final Map<UUID, Lane> lanes = new ConcurrentHashMap<>();

    /** What goes on at one endpoint. */
    private static final class Lane {
        private final Semaphore places;
        private final Set<UUID> deliveries = ConcurrentHashMap.newKeySet();
        private int users;
        private volatile boolean slow;

        private Lane(int places) {
            this.places = new Semaphore(places);
        }

        private Lane join() {
            users++;
            return this;
        }
    }

    /**
     * Waits a moment for a place; who gets one gives it back by {@link #leave}.
     *
     * @param places how many there are, if the endpoint has nothing under way
     * @return whether there was one
     */
    boolean enter(UUID endpoint, UUID delivery, int places) throws InterruptedException {
        Lane lane = lanes.compute(endpoint, (id, known) -> (known == null ? new Lane(places) : known).join());
        boolean entered = false;
        try {
            entered = lane.slow ? lane.places.tryAcquire() : lane.places.tryAcquire(PATIENCE, TimeUnit.MILLISECONDS);
            if (entered) {
                lane.deliveries.add(delivery);
            }
            lane.slow = !entered;
            return entered;
        } finally {
            if (!entered) {
                quit(endpoint);
            }
        }
    }

    void leave(UUID endpoint, UUID delivery) {
        Lane lane = lanes.get(endpoint);
        lane.deliveries.remove(delivery);
        lane.places.release();
        quit(endpoint);
    }

    private void quit(UUID endpoint) {
        lanes.computeIfPresent(endpoint, (id, lane) -> --lane.users == 0 ? null : lane);
    }

    /** What is under way. */
    Set<UUID> deliveries(UUID endpoint) {
        Lane lane = lanes.get(endpoint);
        return lane == null ? Set.of() : Set.copyOf(lane.deliveries);
    }
}
