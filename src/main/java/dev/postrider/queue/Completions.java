package dev.postrider.queue;

import java.sql.Array;
import java.sql.PreparedStatement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.dao.DataAccessException;
import org.springframework.dao.NonTransientDataAccessException;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * Writes how attempts ended, in batches: while one statement is on its way the next batch gathers.
 *
 * <p>No outcome is lost while the database is away: it is tried again until it is written, or until the node stops (then
 * the tasks are rescued and run again). Destroyed after Camel has stopped, it writes the rest and retires the node.
 */
public final class Completions implements DisposableBean {

    private static final Logger LOG = LoggerFactory.getLogger(Completions.class);
    private static final int MAXIMUM_BATCH = 500;
    private static final int BUSY_BATCH = 20;
    private static final long LINGER = TimeUnit.MILLISECONDS.toNanos(15);
    private static final long PATIENCE_AT_STOP = TimeUnit.SECONDS.toNanos(10);

    /** An attempt that ended, or one that was never begun (no outcome). */
    private record Ended(ClaimedTask task, Outcome outcome) {}

    private final JdbcTemplate jdbc;
    private final NodeIdentity node;
    private final QueueStatements sql;
    private final LinkedBlockingQueue<Ended> ended = new LinkedBlockingQueue<>();
    private final ScheduledExecutorService timers = timers();
    private final Thread writer = new Thread(this::write, "finish");

    private volatile boolean stopping;
    private long stopBy;

    Completions(JdbcTemplate jdbc, NodeIdentity node, QueueStatements sql) {
        this.jdbc = jdbc;
        this.node = node;
        this.sql = sql;
        writer.setDaemon(true);
        writer.start();
    }

    void add(ClaimedTask task, Outcome outcome) {
        ended.add(new Ended(task, outcome));
    }

    /** Gives a task back that was claimed and not begun. */
    void release(ClaimedTask task) {
        ended.add(new Ended(task, null));
    }

    /** Runs something after so many milliseconds. */
    ScheduledFuture<?> after(long delay, Runnable action) {
        return timers.schedule(action, delay, TimeUnit.MILLISECONDS);
    }

    private void write() {
        List<Ended> batch = new ArrayList<>();
        while (!stopping || !ended.isEmpty()) {
            try {
                Ended first = ended.poll(100, TimeUnit.MILLISECONDS);
                if (first == null) {
                    continue;
                }
                boolean busy = batch.size() >= BUSY_BATCH;
                batch.clear();
                batch.add(first);
                gather(batch, busy ? LINGER : 0);
                writeUntilDone(batch);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    /** Fills the batch with what has ended; under load it waits a little, since a commit costs the same for 5 as for 500. */
    private void gather(List<Ended> batch, long linger) throws InterruptedException {
        long until = System.nanoTime() + linger;
        ended.drainTo(batch, MAXIMUM_BATCH - batch.size());
        while (!stopping && batch.size() < MAXIMUM_BATCH) {
            long left = until - System.nanoTime();
            Ended next = left <= 0 ? null : ended.poll(left, TimeUnit.NANOSECONDS);
            if (next == null) {
                return;
            }
            batch.add(next);
            ended.drainTo(batch, MAXIMUM_BATCH - batch.size());
        }
    }

    private void writeUntilDone(List<Ended> batch) throws InterruptedException {
        for (long pause = 100; ; pause = Math.min(pause * 2, 5_000)) {
            try {
                write(batch);
                return;
            } catch (NonTransientDataAccessException e) {
                if (batch.size() > 1) {
                    for (Ended one : batch) {
                        writeUntilDone(List.of(one));
                    }
                } else {
                    ClaimedTask task = batch.get(0).task();
                    LOG.error(
                            "The outcome of task {} ({}) cannot be written; it runs again when this node stops: {}",
                            task.taskId(),
                            task.taskType(),
                            ErrorText.of(e));
                }
                return;
            } catch (DataAccessException e) {
                if (stopping && System.nanoTime() > stopBy) {
                    LOG.error(
                            "{} outcomes could not be written before the stop; other nodes run these tasks again: {}",
                            batch.size(),
                            ErrorText.of(e));
                    return;
                }
                LOG.warn("{} outcomes wait to be written: {}", batch.size() + ended.size(), ErrorText.of(e));
                TimeUnit.MILLISECONDS.sleep(pause);
            }
        }
    }

    private void write(List<Ended> batch) {
        List<Ended> completed = new ArrayList<>();
        List<Ended> released = new ArrayList<>();
        List<Ended> others = new ArrayList<>();
        for (Ended one : batch) {
            (one.outcome() == null ? released : one.outcome() instanceof Outcome.Completed ? completed : others)
                    .add(one);
        }
        int written = execute(sql.finish(), completed, List.of())
                + execute(sql.release(), released, List.of())
                + execute(
                        sql.end(),
                        others,
                        List.of(
                                new Column("text", one -> one.outcome().name()),
                                new Column("text", one -> error(one.outcome())),
                                new Column("bigint", one -> delay(one.outcome()))));
        if (written < batch.size()) {
            LOG.warn("{} outcomes came too late: another node has taken these tasks over", batch.size() - written);
        }
    }

    /** One array parameter of a statement. */
    private record Column(String type, Function<Ended, Object> value) {}

    private int execute(String statement, List<Ended> batch, List<Column> further) {
        if (batch.isEmpty()) {
            return 0;
        }
        List<Column> columns = new ArrayList<>(List.of(
                new Column("uuid", one -> one.task().workspaceId()),
                new Column("uuid", one -> one.task().taskId()),
                new Column("integer", one -> one.task().attempt())));
        columns.addAll(further);
        List<UUID> written = jdbc.query(
                connection -> {
                    PreparedStatement prepared = connection.prepareStatement(statement);
                    prepared.setString(1, node.id());
                    for (int i = 0; i < columns.size(); i++) {
                        Object[] values =
                                batch.stream().map(columns.get(i).value()).toArray();
                        Array array = connection.createArrayOf(columns.get(i).type(), values);
                        prepared.setArray(i + 2, array);
                    }
                    return prepared;
                },
                (row, n) -> row.getObject(1, UUID.class));
        return written.size();
    }

    private static String error(Outcome outcome) {
        if (outcome instanceof Outcome.Retry retry) {
            return retry.error();
        }
        if (outcome instanceof Outcome.Dead dead) {
            return dead.error();
        }
        return outcome instanceof Outcome.Discarded discarded ? discarded.reason() : null;
    }

    private static long delay(Outcome outcome) {
        if (outcome instanceof Outcome.Retry retry) {
            return retry.delay().toMillis();
        }
        return outcome instanceof Outcome.Snoozed snoozed ? snoozed.delay().toMillis() : 0;
    }

    private static ScheduledExecutorService timers() {
        ScheduledThreadPoolExecutor timers = new ScheduledThreadPoolExecutor(1, work -> {
            Thread thread = new Thread(work, "task-timeouts");
            thread.setDaemon(true);
            return thread;
        });
        timers.setRemoveOnCancelPolicy(true);
        return timers;
    }

    @Override
    public void destroy() throws InterruptedException {
        stopBy = System.nanoTime() + PATIENCE_AT_STOP;
        stopping = true;
        writer.join(TimeUnit.NANOSECONDS.toMillis(PATIENCE_AT_STOP) + 1_000);
        timers.shutdownNow();
        try {
            List<Map<String, Object>> ignored = jdbc.queryForList(sql.retire(), node.id());
        } catch (DataAccessException e) {
            LOG.warn("This node could not say that it stops; the others will notice in 20 s: {}", ErrorText.of(e));
        }
    }
}
