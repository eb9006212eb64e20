package dev.postrider.outbound;

import dev.postrider.database.SqlFile;
import java.sql.PreparedStatement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import org.postgresql.util.PSQLException;
import org.springframework.jdbc.core.ColumnMapRowMapper;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * Reads what deliveries need. Those that ask while a statement is on its way are served by the next one together, so that
 * many cost little and one waits for nobody. Safe for any thread.
 */
final class DeliveryLoader {

    private static final int MOST = 64;

    /** SQLSTATEs: a value that is not what it should be, or too much for PostgreSQL, or broken. */
    private static final Pattern UNREADABLE = Pattern.compile("(22|54|XX).{3}");

    private final JdbcTemplate dispatcher;
    private final String sql = SqlFile.read("queries/load-deliveries.sql");
    private final ConcurrentLinkedQueue<Wanted> waiting = new ConcurrentLinkedQueue<>();
    private final ReentrantLock turn = new ReentrantLock();

    /** What one thread waits for; written and read by whoever has the turn. */
    private static final class Wanted {
        private final UUID workspace;
        private final UUID delivery;
        private boolean done;
        private Map<String, Object> row;
        private RuntimeException failure;

        private Wanted(UUID workspace, UUID delivery) {
            this.workspace = workspace;
            this.delivery = delivery;
        }
    }

    DeliveryLoader(JdbcTemplate dispatcher) {
        this.dispatcher = dispatcher;
    }

    /** The row of a delivery by column names; null if it is not stored any more. */
    Map<String, Object> load(UUID workspace, UUID delivery) {
        Wanted wanted = new Wanted(workspace, delivery);
        waiting.add(wanted);
        turn.lock();
        try {
            while (!wanted.done) {
                serve();
            }
        } finally {
            turn.unlock();
        }
        if (wanted.failure != null) {
            throw wanted.failure;
        }
        return wanted.row;
    }

    private void serve() {
        List<Wanted> batch = new ArrayList<>();
        for (Wanted next = waiting.poll(); next != null; next = batch.size() < MOST ? waiting.poll() : null) {
            batch.add(next);
        }
        serve(batch);
    }

    private void serve(List<Wanted> batch) {
        try {
            Map<Object, Map<String, Object>> rows = new HashMap<>();
            query(batch).forEach(row -> rows.put(row.get("delivery_id"), row));
            batch.forEach(one -> one.row = rows.get(one.delivery));
        } catch (RuntimeException e) {
            if (batch.size() > 1 && unreadable(e) != null) {
                batch.forEach(
                        one -> serve(List.of(one))); // one of them must not stop the others, who are other customers'
            } else {
                batch.forEach(one -> one.failure = e);
            }
        } finally {
            batch.forEach(one -> one.done = true);
        }
    }

    /** What PostgreSQL says of data that it cannot make a row of; null if something else went wrong, such as the connection. */
    static String unreadable(Throwable error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof PSQLException refused
                    && refused.getServerErrorMessage() != null
                    && UNREADABLE.matcher(refused.getSQLState()).matches()) {
                return refused.getServerErrorMessage().getMessage();
            }
        }
        return null;
    }

    private List<Map<String, Object>> query(List<Wanted> batch) {
        return dispatcher.query(
                connection -> {
                    PreparedStatement prepared = connection.prepareStatement(sql);
                    prepared.setArray(
                            1,
                            connection.createArrayOf(
                                    "uuid",
                                    batch.stream().map(one -> one.workspace).toArray()));
                    prepared.setArray(
                            2,
                            connection.createArrayOf(
                                    "uuid",
                                    batch.stream().map(one -> one.delivery).toArray()));
                    return prepared;
                },
                new ColumnMapRowMapper());
    }
}
