package dev.postrider.queue;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.apache.camel.Consumer;
import org.apache.camel.Endpoint;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.component.pgevent.PgEventComponent;
import org.apache.camel.component.pgevent.PgEventEndpoint;
import org.apache.camel.support.DefaultConsumer;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The scheme {@code pgevent:} with a consumer that survives lost connections: Camel's own delivers twice after the first
 * loss and is deaf after the second.
 *
 * <p>The URI and options are Camel's; {@code datasource} must be one of the ordinary PostgreSQL driver. After each
 * (re)connect one exchange is sent, because notifications may have been missed; and one notification, from another
 * connection, to hear whether any arrive: through a transaction pooler LISTEN succeeds and nothing ever comes.
 */
final class ListeningComponent extends PgEventComponent {

    private static final Logger LOG = LoggerFactory.getLogger(ListeningComponent.class);

    /** Begins the payloads that only say that the channel works; no route receives them, from whichever node they come. */
    private static final String PROBE = "probe ";

    /** Milliseconds after which a silent connection is asked whether it lives. */
    private static final int SILENCE = 10_000;

    private final DataSource speaking;
    private final Duration hearing;
    private final Duration retry;

    /** @param speaking another way to the same database, by which notifications are sent */
    ListeningComponent(DataSource speaking) {
        this(speaking, Duration.ofSeconds(10), Duration.ofMinutes(1));
    }

    /**
     * @param hearing how long a notification may take to arrive
     * @param retry after which time a connection that heard none is tried again
     */
    ListeningComponent(DataSource speaking, Duration hearing, Duration retry) {
        this.speaking = speaking;
        this.hearing = hearing;
        this.retry = retry;
    }

    @Override
    protected Endpoint createEndpoint(String uri, String remaining, Map<String, Object> parameters) throws Exception {
        ListeningEndpoint endpoint = new ListeningEndpoint(uri, this);
        setProperties(endpoint, parameters);
        return endpoint;
    }

    private static final class ListeningEndpoint extends PgEventEndpoint {

        private final ListeningComponent component;

        ListeningEndpoint(String uri, ListeningComponent component) {
            super(uri, component);
            this.component = component;
        }

        @Override
        public Consumer createConsumer(Processor processor) throws Exception {
            Listener listener = new Listener(this, component, processor);
            configureConsumer(listener);
            return listener;
        }
    }

    private static final class Listener extends DefaultConsumer {

        private final PgEventEndpoint endpoint;
        private final ListeningComponent component;
        private Session session;

        Listener(PgEventEndpoint endpoint, ListeningComponent component, Processor processor) {
            super(endpoint, processor);
            this.endpoint = endpoint;
            this.component = component;
        }

        @Override
        protected void doStart() throws Exception {
            super.doStart();
            session = new Session(this);
            Thread thread = new Thread(session, "listen-" + endpoint.getChannel());
            thread.setDaemon(true);
            thread.start();
        }

        @Override
        protected void doStop() throws Exception {
            session.end();
            super.doStop();
        }

        private void send(String payload) {
            Exchange exchange = createExchange(true);
            exchange.getIn().setHeader("channel", endpoint.getChannel());
            exchange.getIn().setBody(payload);
            try {
                getProcessor().process(exchange);
            } catch (Exception e) {
                getExceptionHandler().handleException("A notification was not processed", exchange, e);
            }
        }
    }

    /** From one start of the consumer to its stop: a thread with one connection at a time, which ends with it. */
    private static final class Session implements Runnable {

        /** Longer than connecting may take. */
        private static final long SECONDS_TO_END = 10;

        private final Listener listener;
        private final String channel;
        private final CountDownLatch ended = new CountDownLatch(1);
        private final CountDownLatch gone = new CountDownLatch(1);
        private volatile Connection connection;
        private boolean lossReported;
        private boolean deafnessReported;

        Session(Listener listener) {
            this.listener = listener;
            this.channel = listener.endpoint.getChannel();
        }

        /** Returns when the connection is closed, so that the next session's is never a second one. */
        void end() throws InterruptedException {
            ended.countDown();
            Connection open = connection;
            if (open != null) {
                try {
                    open.abort(Runnable::run); // ends the wait for notifications
                } catch (SQLException e) {
                    LOG.debug("The connection that listened on {} was closed already", channel, e);
                }
            }
            if (!gone.await(SECONDS_TO_END, TimeUnit.SECONDS)) {
                LOG.warn("The thread that listens on {} still runs; it closes its connection when it can", channel);
            }
        }

        @Override
        public void run() {
            try {
                while (!isEnded()) {
                    pause(listen() ? Duration.ofSeconds(1) : listener.component.retry);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                gone.countDown();
            }
        }

        /** Listens until the connection is lost, and then returns true, or until it is clear that it hears nothing. */
        private boolean listen() {
            try (Connection opened = listener.endpoint.getDatasource().getConnection()) {
                connection = opened;
                if (isEnded()) {
                    return true;
                }
                execute(opened, "listen " + channel);
                listener.send("");
                if (receive(opened)) {
                    return true;
                }
                execute(opened, "unlisten *"); // a pooler's server connection goes on listening for nobody
                reportDeafness();
                return false;
            } catch (SQLException | RuntimeException e) { // or this thread would end, and nobody listen
                reportLoss(e);
                return true;
            } finally {
                connection = null;
            }
        }

        private static void execute(Connection opened, String command) throws SQLException {
            try (Statement statement = opened.createStatement()) {
                statement.execute(command);
            }
        }

        /** Returns true at the end of the session, and false if not even the probe is heard. */
        private boolean receive(Connection opened) throws SQLException {
            PGConnection notifications = opened.unwrap(PGConnection.class);
            String probe = PROBE + UUID.randomUUID();
            speak(probe);
            long deadline = System.nanoTime() + listener.component.hearing.toNanos();
            boolean heard = false;
            while (!isEnded()) {
                long patience = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                PGNotification[] received =
                        notifications.getNotifications(heard ? SILENCE : (int) Math.max(1, patience));
                String[] payloads = received == null
                        ? new String[0]
                        : Arrays.stream(received)
                                .map(PGNotification::getParameter)
                                .toArray(String[]::new);
                if (!heard && Arrays.asList(payloads).contains(probe)) {
                    heard = true;
                    reportHearing();
                }
                Arrays.stream(payloads)
                        .filter(payload -> !payload.startsWith(PROBE))
                        .distinct() // many at once are one reason to look
                        .forEach(listener::send);
                if (!heard && System.nanoTime() - deadline > 0) {
                    return isEnded();
                }
                if (payloads.length == 0 && heard && !isEnded() && !opened.isValid(5)) {
                    throw new SQLException("the connection does not answer");
                }
            }
            return true;
        }

        private void speak(String payload) throws SQLException {
            try (Connection other = listener.component.speaking.getConnection();
                    PreparedStatement notify = other.prepareStatement("select pg_notify(?, ?)")) {
                notify.setString(1, channel);
                notify.setString(2, payload);
                notify.execute();
            }
        }

        private void reportHearing() {
            if (lossReported || deafnessReported) {
                LOG.info("Listening on {} again", channel);
            }
            lossReported = false;
            deafnessReported = false;
        }

        private void reportLoss(Exception e) {
            if (!isEnded() && !lossReported && !deafnessReported) {
                LOG.warn(
                        "Not listening on {}; tasks are found by the poll until it works again: {}",
                        channel,
                        ErrorText.of(e));
                lossReported = true;
            }
        }

        private void reportDeafness() {
            if (!deafnessReported) {
                LOG.warn(
                        "Notifications on {} do not arrive, as behind a transaction pooler; tasks are found by the poll,"
                                + " up to 5 s later. Set postrider.database.direct-url to the address of PostgreSQL itself."
                                + " Tried again every {} s",
                        channel,
                        listener.component.retry.toSeconds());
                deafnessReported = true;
            }
        }

        private boolean isEnded() {
            return ended.getCount() == 0;
        }

        private void pause(Duration time) throws InterruptedException {
            ended.await(time.toMillis(), TimeUnit.MILLISECONDS); // or until the session ends
        }
    }
}
