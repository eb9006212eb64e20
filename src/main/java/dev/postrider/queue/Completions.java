package dev.postrider.queue;

import java.sql.Array;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * Writes how attempts ended, in batches: while one statement is on its way the next batch gathers.
 *
 * <p>No outcome is lost while the database is away: it is tried again until it is written, or until the node stops (then
 * the node's row stays, and so its tasks are rescued and run again). Destroyed after Camel has stopped, it writes the rest and retires the node.
 */
public final class Completions implements DisposableBean {

    private static final Logger LOG = LoggerFactory.getLogger(Completions.class);
    private static final int MAXIMUM_BATCH = 500;
    private static final long REFUSED_AGAIN = 5_000;
    /** Milliseconds; each further time it is twice as long, up to a second. */
    private static final long LOCKED_AGAIN = 10;
    /** Classes of SQLSTATE: cardinality, data, integrity, check option, and program limits. */
    private static final Set<String> REFUSALS = Set.of("21", "22", "23", "44", "54");

    /** With payloads of 10 kB they take a tenth of a heap of 512 MB. */
    private static final int MOST_UNWRITTEN = 5_000;

    /** Characters of reports. */
    private static final int MOST_UNWRITTEN_REPORTS = 16_000_000;

    /** Characters of reports, after which a batch takes no more. */
    private static final int FULL_BATCH = 2_000_000;

    private static final long BETWEEN_COMPLAINTS = TimeUnit.SECONDS.toNanos(1);

    private static final long PATIENCE_AT_STOP = TimeUnit.SECONDS.toNanos(10);

    /**
     * An attempt that ended.
     *
     * @param report what the handler wants to have recorded with the end: JSON, or null
     * @param at when it ended, in nanoseconds of this machine
     * @param offers how often the task was found locked
     */
    private record Ended(ClaimedTask task, Outcome outcome, String report, long at, int offers) {

        int reported() {
            return report == null ? 0 : report.length();
        }

        Ended again() {
            return new Ended(task, outcome, report, at, offers + 1);
        }
    }

    /** What is written by one statement. */
    private enum Kind {
        COMPLETED,
        OTHER
    }

    /** A task's attempt that this node has in its hands, until its outcome is written. */
    private record Hold(UUID task, int attempt) {
        static Hold of(ClaimedTask task) {
            return new Hold(task.taskId(), task.attempt());
        }
    }

    /** What the writer is given to notice that this node stops. */
    private static final Ended WAKE_UP = new Ended(null, null, null, 0, 0);

    private final JdbcTemplate jdbc;
    private final NodeIdentity node;
    private final QueueStatements sql;
    private final LinkedBlockingQueue<Ended> ended = new LinkedBlockingQueue<>();
    private final Set<Hold> held = ConcurrentHashMap.newKeySet();
    /** What is offered again when its time comes, or when the node stops. */
    private final Set<Ended> deferred = ConcurrentHashMap.newKeySet();
    /** Characters of the reports that wait to be written. */
    private final AtomicLong reported = new AtomicLong();

    private final ScheduledExecutorService timers = timers();
    private final Thread writer = new Thread(this::write, "finish");

    private volatile boolean stopping;
    private long stopBy;
    private long refusals;
    private long complained = System.nanoTime() - BETWEEN_COMPLAINTS;

    Completions(JdbcTemplate jdbc, NodeIdentity node, QueueStatements sql) {
        this.jdbc = jdbc;
        this.node = node;
        this.sql = sql;
        writer.setDaemon(true);
        writer.start();
    }

    /** Tells of tasks whose outcomes will follow. */
    void expect(List<ClaimedTask> tasks) {
        tasks.forEach(task -> held.add(Hold.of(task)));
    }

    /**
     * Gives tasks back that were claimed in this node's name and never reached it: a claim may be committed although its
     * answer is lost. Nobody else would free them while this node lives. Called between two claims only.
     */
    void releaseUnheard() {
        List<Hold> known = List.copyOf(held);
        List<UUID> released = jdbc.query(
                connection -> {
                    PreparedStatement prepared = connection.prepareStatement(sql.releaseUnheard());
                    prepared.setString(1, node.id());
                    prepared.setArray(
                            2,
                            connection.createArrayOf(
                                    "uuid", known.stream().map(Hold::task).toArray()));
                    prepared.setArray(
                            3,
                            connection.createArrayOf(
                                    "integer", known.stream().map(Hold::attempt).toArray()));
                    return prepared;
                },
                (row, n) -> row.getObject(1, UUID.class));
        if (!released.isEmpty()) {
            LOG.warn("{} tasks wait again: the answer to their claim was lost", released.size());
        }
    }

    void add(ClaimedTask task, Outcome outcome) {
        add(task, outcome, null);
    }

    /** @param report JSON that is recorded in the transaction that ends the attempt; null: nothing is */
    void add(ClaimedTask task, Outcome outcome, String report) {
        Ended one = new Ended(task, outcome, report, System.nanoTime(), 0);
        reported.addAndGet(one.reported());
        ended.add(one);
    }

    /** Gives a task back that was claimed and not begun, or not ended. */
    void release(ClaimedTask task) {
        add(task, new Outcome.Released());
    }

    /** Whether so many outcomes wait to be written that nothing more should be claimed. */
    boolean areBehind() {
        return ended.size() + deferred.size() > MOST_UNWRITTEN || reported.get() > MOST_UNWRITTEN_REPORTS;
    }

    /** Runs something after so many milliseconds. */
    ScheduledFuture<?> after(long delay, Runnable action) {
        return timers.schedule(action, delay, TimeUnit.MILLISECONDS);
    }

    private void write() {
        List<Ended> batch = new ArrayList<>();
        while (!stopping || !ended.isEmpty()) {
            try {
                gather(batch);
                for (Kind kind : Kind.values()) {
                    writeUntilDone(
                            kind,
                            batch.stream().filter(one -> kind == kindOf(one)).toList());
                }
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void gather(List<Ended> batch) throws InterruptedException {
        batch.clear();
        int reports = 0;
        for (Ended one = ended.take(); one != null; one = ended.poll()) {
            batch.add(one);
            reports += one.reported();
            if (batch.size() == MAXIMUM_BATCH || reports >= FULL_BATCH) {
                break;
            }
        }
        batch.remove(WAKE_UP);
    }

    private void writeUntilDone(Kind kind, List<Ended> batch) throws InterruptedException {
        for (long pause = 100; ; pause = Math.min(pause * 2, 5_000)) {
            try {
                write(kind, batch);
                return;
            } catch (RuntimeException | Error e) { // whatever it is, this thread must not end before the node does
                if (isRefused(e)) {
                    refused(kind, batch, e);
                    return;
                }
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

    /**
     * Whether these very values cannot be written, so that trying the same batch again is in vain.
     *
     * <p>Asked of the SQLSTATE, because Spring counts a lost connection among the failures that are not transient.
     */
    private static boolean isRefused(Throwable error) {
        for (Throwable t = error; t != null; t = t.getCause()) {
            if (t instanceof SQLException sql) {
                String state = sql.getSQLState();
                return state != null && state.length() == 5 && REFUSALS.contains(state.substring(0, 2));
            }
        }
        return !(error instanceof DataAccessException) && !(error instanceof Error);
    }

    /** Sets the outcome that is refused apart from the others; what is refused today may be taken after a repair. */
    private void refused(Kind kind, List<Ended> batch, Throwable reason) throws InterruptedException {
        if (batch.size() > 1) {
            for (Ended one : batch) {
                writeUntilDone(kind, List.of(one));
            }
            return;
        }
        Ended one = batch.get(0);
        refusals++;
        if (System.nanoTime() - complained >= BETWEEN_COMPLAINTS) {
            LOG.error(
                    "The database has refused {} outcomes, now of task {} ({}); each is offered again after {} ms: {}",
                    refusals,
                    one.task().taskId(),
                    one.task().taskType(),
                    REFUSED_AGAIN,
                    ErrorText.of(reason));
            complained = System.nanoTime();
        }
        if (!stopping) {
            defer(one, REFUSED_AGAIN);
        }
    }

    private void write(Kind kind, List<Ended> batch) throws InterruptedException {
        Written result = switch (kind) {
            case COMPLETED -> execute(sql.finish(), batch, List.of());
            case OTHER ->
                execute(
                        sql.end(),
                        batch,
                        List.of(
                                new Column("text", one -> one.outcome().ending()),
                                new Column("text", one -> error(one.outcome())),
                                new Column("bigint", one -> delay(one.outcome()))));
        };
        for (Ended one : batch) {
            if (result.later().contains(one.task().taskId())) {
                offerLater(one);
            } else {
                held.remove(Hold.of(one.task()));
                reported.addAndGet(-one.reported());
            }
        }
        int lost = batch.size() - result.written() - result.later().size();
        if (lost > 0) {
            LOG.warn("{} outcomes came too late: another node has taken these tasks over", lost);
        }
    }

    /**
     * Of a task that somebody else has locked: for a moment another node's claim that saw it as it was before, for long an
     * application that cancels it in a transaction it keeps open.
     */
    private void offerLater(Ended one) throws InterruptedException {
        Ended again = one.again();
        long pause = Math.min(LOCKED_AGAIN << Math.min(one.offers(), 10), 1_000);
        if (!stopping) {
            defer(again, pause);
        } else if (System.nanoTime() < stopBy) {
            ended.add(again);
            TimeUnit.MILLISECONDS.sleep(LOCKED_AGAIN);
        }
    }

    private void defer(Ended one, long milliseconds) {
        deferred.add(one);
        after(milliseconds, () -> {
            if (deferred.remove(one)) {
                ended.add(one);
            }
        });
    }

    private static Kind kindOf(Ended one) {
        return one.outcome() instanceof Outcome.Completed ? Kind.COMPLETED : Kind.OTHER;
    }

    /** One array parameter of a statement. */
    private record Column(String type, Function<Ended, Object> value) {}

    /**
     * What a statement did.
     *
     * @param written how many outcomes it wrote
     * @param later the tasks whose outcomes are to be offered again
     */
    private record Written(int written, Set<UUID> later) {}

    private Written execute(String statement, List<Ended> batch, List<Column> further) {
        if (batch.isEmpty()) {
            return new Written(0, Set.of());
        }
        List<Column> columns = new ArrayList<>(List.of(
                new Column("uuid", one -> one.task().workspaceId()),
                new Column("uuid", one -> one.task().taskId()),
                new Column("integer", one -> one.task().attempt())));
        columns.addAll(further);
        int arrays = columns.size();
        boolean reports = batch.stream().anyMatch(one -> one.report() != null);
        if (reports) {
            long now = System.nanoTime();
            columns.add(new Column("text", Ended::report));
            columns.add(new Column("bigint", one -> TimeUnit.NANOSECONDS.toMillis(now - one.at())));
        }
        return jdbc.query(
                        connection -> {
                            PreparedStatement prepared = connection.prepareStatement(statement);
                            prepared.setString(1, node.id());
                            for (int i = 0; i < columns.size(); i++) {
                                Object[] values = batch.stream()
                                        .map(columns.get(i).value())
                                        .toArray();
                                Array array =
                                        connection.createArrayOf(columns.get(i).type(), values);
                                prepared.setArray(i + 2, array);
                            }
                            if (!reports) {
                                prepared.setNull(arrays + 2, Types.ARRAY, "text[]");
                                prepared.setNull(arrays + 3, Types.ARRAY, "int8[]");
                            }
                            return prepared;
                        },
                        (row, n) -> {
                            Array later = row.getArray("later");
                            return new Written(
                                    row.getInt("written"),
                                    later == null ? Set.of() : Set.of((UUID[]) later.getArray()));
                        })
                .get(0);
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
        for (Ended one : deferred) {
            if (deferred.remove(one)) {
                ended.add(one);
            }
        }
        stopping = true;
        ended.add(WAKE_UP);
        writer.join(TimeUnit.NANOSECONDS.toMillis(PATIENCE_AT_STOP) + 1_000);
        timers.shutdownNow();
        try {
            List<Map<String, Object>> ignored = jdbc.queryForList(sql.retire(), node.id());
        } catch (DataAccessException e) {
            LOG.warn("This node could not say that it stops; the others will notice in 20 s: {}", ErrorText.of(e));
        }
    }
}
