package dev.postrider.outbound;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * Shares out the places of a node, which are the requests that it has under way at most: who does not answer soon must not
 * take the place of the others. Safe for any thread.
 *
 * <p>Each takes a part of what is free, so that something is left for the next. An endpoint that answered within a second
 * last time, and has no older request under way, may have an eighth of it, and its workspace all of it, which is half of the
 * node. Of any other nobody knows what will come: it may have half as much, and of a node in which each request that is
 * older than a second counts twice. So those that hang get no more than half of the node, however many they are.
 */
final class EndpointLanes {

    private static final long SOON = TimeUnit.SECONDS.toNanos(1);
    /**
     * A fast endpoint has a place again before four slices; waiting for it is cheaper than to put the delivery back. If the
     * whole machine pauses, that is one slice, however long.
     */
    private static final long SLICE = 25;

    private static final int PATIENCE = 4;
    private static final int MOST_KNOWN = 10_000;

    private final LongSupplier nanoseconds;
    private final ReentrantLock lock = new ReentrantLock();
    /** Those to which something is under way, or wants to be. */
    private final Map<UUID, Lane> lanes = new HashMap<>();
    /** How many are under way of each workspace. */
    private final Map<UUID, Integer> workspaces = new HashMap<>();
    /** When each delivery that is under way began, oldest first. */
    private final Map<UUID, Long> underWay = new LinkedHashMap<>();
    /** The endpoints that answered soon last time. */
    private final Map<UUID, Boolean> quick = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<UUID, Boolean> eldest) {
            return size() > MOST_KNOWN;
        }
    };

    /** What goes on at one endpoint. */
    private static final class Lane {
        /** When each began, oldest first. */
        private final Map<UUID, Long> deliveries = new LinkedHashMap<>();

        private final Condition left;
        private long ended;
        private int waiting;
        private boolean stuck;

        private Lane(Condition left) {
            this.left = left;
        }

        private int size() {
            return deliveries.size();
        }
    }

    /** @param nanoseconds a clock that only counts */
    EndpointLanes(LongSupplier nanoseconds) {
        this.nanoseconds = nanoseconds;
    }

    /**
     * Waits a moment for a place; who gets one gives it back by {@link #leave}.
     *
     * @param most how many the endpoint may have now
     * @param places how many the node has
     * @return empty, or what is under way to the endpoint if there was none
     */
    Optional<Set<UUID>> enter(UUID workspace, UUID endpoint, UUID delivery, int most, int places)
            throws InterruptedException {
        lock.lockInterruptibly();
        try {
            Lane lane = lanes.computeIfAbsent(endpoint, id -> new Lane(lock.newCondition()));
            lane.waiting++;
            try {
                if (!awaitPlace(workspace, endpoint, lane, most, places)) {
                    lane.stuck = true; // the others need not wait as well
                    return Optional.of(Set.copyOf(lane.deliveries.keySet()));
                }
                long now = nanoseconds.getAsLong();
                lane.deliveries.put(delivery, now);
                underWay.put(delivery, now);
                workspaces.merge(workspace, 1, Integer::sum);
                return Optional.empty();
            } finally {
                lane.waiting--;
                forgetIdle(endpoint, lane);
            }
        } finally {
            lock.unlock();
        }
    }

    private boolean awaitPlace(UUID workspace, UUID endpoint, Lane lane, int most, int places)
            throws InterruptedException {
        long ended = lane.ended;
        int idle = 0;
        while (!hasPlace(workspace, endpoint, lane, most, places)) {
            if (lane.stuck || idle == PATIENCE) {
                return false;
            }
            lane.left.await(SLICE, TimeUnit.MILLISECONDS);
            // While all others answer soon, a node that is full has a place soon.
            boolean goesOn = lane.ended != ended || (places - underWay.size()) * 2 < places && older() == 0;
            idle = goesOn ? 0 : idle + 1;
            ended = lane.ended;
        }
        return true;
    }

    private boolean hasPlace(UUID workspace, UUID endpoint, Lane lane, int most, int places) {
        int free = places - underWay.size();
        int shares = 1;
        if (!isQuick(endpoint, lane)) {
            free -= older();
            shares = 2;
        }
        return free > 0
                && lane.size() < Math.min(most, Math.max(1, free / (8 * shares)))
                && workspaces.getOrDefault(workspace, 0) < Math.max(1, free / shares);
    }

    private boolean isQuick(UUID endpoint, Lane lane) {
        boolean waits = lane.deliveries.values().stream()
                .findFirst()
                .filter(this::isOld)
                .isPresent();
        return !waits && quick.get(endpoint) != null;
    }

    /** How many are under way that did not end soon. */
    private int older() {
        int older = 0;
        for (long begun : underWay.values()) {
            if (!isOld(begun)) {
                break;
            }
            older++;
        }
        return older;
    }

    private boolean isOld(long begun) {
        return nanoseconds.getAsLong() - begun > SOON;
    }

    void leave(UUID workspace, UUID endpoint, UUID delivery) {
        lock.lock();
        try {
            Lane lane = lanes.get(endpoint);
            underWay.remove(delivery);
            if (isOld(lane.deliveries.remove(delivery))) {
                quick.remove(endpoint);
            } else {
                quick.put(endpoint, true);
            }
            workspaces.computeIfPresent(workspace, (id, count) -> count == 1 ? null : count - 1);
            lane.ended++;
            lane.stuck = false;
            lane.left.signal();
            forgetIdle(endpoint, lane);
        } finally {
            lock.unlock();
        }
    }

    private void forgetIdle(UUID endpoint, Lane lane) {
        if (lane.waiting == 0 && lane.deliveries.isEmpty()) {
            lanes.remove(endpoint);
        }
    }

    /** What is under way. */
    Set<UUID> deliveries(UUID endpoint) {
        lock.lock();
        try {
            Lane lane = lanes.get(endpoint);
            return lane == null ? Set.of() : Set.copyOf(lane.deliveries.keySet());
        } finally {
            lock.unlock();
        }
    }
}
