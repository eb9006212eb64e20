package dev.postrider.queue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;

/**
 * The tasks of one type that this node holds: those that wait are taken in turns by workspace, and those that run are
 * counted.
 *
 * <p>At most half of what is claimed ahead is one workspace's, so that another one finds room here whatever the first has
 * waiting. Safe for use by many threads.
 */
final class Backlog {

    /** Only a prefetch of less than four can have more: each of them holds more than a quarter of it. */
    private static final int MOST_LEFT_OUT = 32;

    private final int concurrency;
    private final int batch;
    private final int prefetch;
    /** A workspace with more tasks waiting here gets no more from the database. */
    private final int enough;
    /** How much one claim takes ahead: with it, no workspace comes to hold more than half. */
    private final int step;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition added = lock.newCondition();
    /** By workspace, in the order of their turns. */
    private final Map<UUID, ArrayDeque<ClaimedTask>> waiting = new LinkedHashMap<>();

    private int size;
    private int running;
    private Set<UUID> leftOut = Set.of();
    private boolean reopened;

    /**
     * @param concurrency how many batches run at once
     * @param batch how many tasks are taken together
     * @param prefetch how many more tasks may wait
     */
    Backlog(int concurrency, int batch, int prefetch) {
        this.concurrency = concurrency;
        this.batch = batch;
        this.prefetch = prefetch;
        int half = Math.max(1, prefetch / 2);
        this.enough = half / 2;
        this.step = half - enough;
    }

    /** Adds tasks all at once, so that a worker that waits finds a whole batch. */
    void add(Collection<ClaimedTask> tasks) {
        lock.lock();
        try {
            for (ClaimedTask task : tasks) {
                waiting.computeIfAbsent(task.workspaceId(), workspace -> new ArrayDeque<>())
                        .add(task);
                added.signal(); // one worker, which takes more if its batch is larger
            }
            size += tasks.size();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for a task, and takes it and those behind it of the same workspace, up to a batch; they count as running until
     * {@link #ended}. A task that has failed before is taken alone.
     */
    List<ClaimedTask> take() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (size == 0) {
                added.await();
            }
            running++;
            return next();
        } finally {
            lock.unlock();
        }
    }

    private List<ClaimedTask> next() {
        UUID workspace = waiting.keySet().iterator().next();
        ArrayDeque<ClaimedTask> tasks = waiting.remove(workspace);
        List<ClaimedTask> taken = new ArrayList<>(Math.min(batch, tasks.size()));
        do {
            taken.add(tasks.remove());
        } while (taken.size() < batch
                && taken.get(0).failures() == 0
                && !tasks.isEmpty()
                && tasks.element().failures() == 0);
        size -= taken.size();
        if (!tasks.isEmpty()) {
            waiting.put(workspace, tasks); // its next turn is after all others
        }
        if (tasks.size() <= enough && leftOut.contains(workspace)) {
            reopen();
        }
        return taken;
    }

    private void reopen() {
        leftOut = Set.of();
        reopened = true;
    }

    /** What was taken at once runs no more. */
    void ended() {
        lock.lock();
        try {
            running--;
        } finally {
            lock.unlock();
        }
    }

    /** Takes out all that wait. */
    List<ClaimedTask> clear() {
        lock.lock();
        try {
            List<ClaimedTask> all =
                    waiting.values().stream().flatMap(ArrayDeque::stream).toList();
            waiting.clear();
            size = 0;
            if (!leftOut.isEmpty()) {
                reopen();
            }
            return all;
        } finally {
            lock.unlock();
        }
    }

    /** Takes out those that wait of these. */
    List<ClaimedTask> remove(Set<UUID> ids) {
        lock.lock();
        try {
            List<ClaimedTask> removed = new ArrayList<>();
            waiting.values().forEach(tasks -> tasks.removeIf(task -> ids.contains(task.taskId()) && removed.add(task)));
            waiting.values().removeIf(ArrayDeque::isEmpty);
            size -= removed.size();
            if (removed.stream()
                    .anyMatch(task -> leftOut.contains(task.workspaceId()) && hasRoom(task.workspaceId()))) {
                reopen();
            }
            return removed;
        } finally {
            lock.unlock();
        }
    }

    /** How much waits or runs. */
    int held() {
        lock.lock();
        try {
            return size + running;
        } finally {
            lock.unlock();
        }
    }

    /** How many tasks a claim may bring now. */
    int free() {
        lock.lock();
        try {
            return Math.max(0, idle() - size) + Math.max(0, Math.min(step, ahead()));
        } finally {
            lock.unlock();
        }
    }

    /**
     * Whether a claim is worth a round trip: workers have nothing to do, or half of what may be claimed ahead is used up
     * and somebody may have it.
     */
    boolean wantsMore() {
        lock.lock();
        try {
            return size < idle()
                    || ahead() > 0
                            && ahead() * 2 >= prefetch
                            && (size == 0 || waiting.values().stream().anyMatch(tasks -> tasks.size() <= enough));
        } finally {
            lock.unlock();
        }
    }

    /** The workspaces that a claim leaves out, because enough of their tasks wait here. */
    Set<UUID> full() {
        lock.lock();
        try {
            leftOut = prefetch == 0 || size <= idle() // then all of them begin at once
                    ? Set.of()
                    : waiting.entrySet().stream()
                            .filter(entry -> entry.getValue().size() > enough)
                            .limit(MOST_LEFT_OUT)
                            .map(Map.Entry::getKey)
                            .collect(Collectors.toUnmodifiableSet());
            return leftOut;
        } finally {
            lock.unlock();
        }
    }

    /** Whether a workspace that a claim left out has room again; true once. */
    boolean reopened() {
        lock.lock();
        try {
            boolean was = reopened;
            reopened = false;
            return was;
        } finally {
            lock.unlock();
        }
    }

    private boolean hasRoom(UUID workspace) {
        ArrayDeque<ClaimedTask> tasks = waiting.get(workspace);
        return tasks == null || tasks.size() <= enough;
    }

    /** How many tasks the idle workers can take. */
    private int idle() {
        return (concurrency - running) * batch;
    }

    /** How much more may wait for a worker to become idle. */
    private int ahead() {
        return prefetch - Math.max(0, size - idle());
    }
}
