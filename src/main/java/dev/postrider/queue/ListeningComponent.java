package dev.postrider.queue;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.concurrent.ExecutorService;
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
 * (re)connect one exchange is sent, because notifications may have been missed.
 */
final class ListeningComponent extends PgEventComponent {

    @Override
    protected Endpoint createEndpoint(String uri, String remaining, Map<String, Object> parameters) throws Exception {
        ListeningEndpoint endpoint = new ListeningEndpoint(uri, this);
        setProperties(endpoint, parameters);
        return endpoint;
    }

    private static final class ListeningEndpoint extends PgEventEndpoint {

        ListeningEndpoint(String uri, PgEventComponent component) {
            super(uri, component);
        }

        @Override
        public Consumer createConsumer(Processor processor) throws Exception {
            Listener listener = new Listener(this, processor);
            configureConsumer(listener);
            return listener;
        }
    }

    private static final class Listener extends DefaultConsumer {

        private static final Logger LOG = LoggerFactory.getLogger(ListeningComponent.class);
        /** Milliseconds after which a silent connection is asked whether it lives. */
        private static final int SILENCE = 10_000;

        private final PgEventEndpoint endpoint;
        private ExecutorService thread;
        private volatile Connection connection;

        Listener(PgEventEndpoint endpoint, Processor processor) {
            super(endpoint, processor);
            this.endpoint = endpoint;
        }

        @Override
        protected void doStart() throws Exception {
            super.doStart();
            thread = endpoint.getCamelContext()
                    .getExecutorServiceManager()
                    .newSingleThreadExecutor(this, "listen-" + endpoint.getChannel());
            thread.execute(this::listen);
        }

        @Override
        protected void doStop() throws Exception {
            Connection open = connection;
            if (open != null) {
                open.abort(Runnable::run); // ends the wait for notifications
            }
            endpoint.getCamelContext().getExecutorServiceManager().shutdownNow(thread);
            super.doStop();
        }

        private void listen() {
            boolean reported = false;
            while (isRunAllowed()) {
                try (Connection opened = connect(endpoint.getDatasource())) {
                    if (reported) {
                        LOG.info("Listening on {} again", endpoint.getChannel());
                        reported = false;
                    }
                    send("");
                    receive(opened);
                } catch (SQLException e) {
                    if (isRunAllowed() && !reported) {
                        LOG.warn(
                                "Not listening on {}; tasks are found by the poll until it works again: {}",
                                endpoint.getChannel(),
                                ErrorText.of(e));
                        reported = true;
                    }
                    pause();
                }
            }
        }

        private Connection connect(DataSource dataSource) throws SQLException {
            Connection opened = dataSource.getConnection();
            connection = opened;
            try (Statement statement = opened.createStatement()) {
                statement.execute("listen " + endpoint.getChannel());
            } catch (SQLException e) {
                opened.close();
                throw e;
            }
            return opened;
        }

        private void receive(Connection opened) throws SQLException {
            PGConnection notifications = opened.unwrap(PGConnection.class);
            while (isRunAllowed()) {
                PGNotification[] received = notifications.getNotifications(SILENCE);
                if (received != null && received.length > 0) {
                    send(received[received.length - 1].getParameter()); // many at once are one reason to look
                } else if (isRunAllowed() && !opened.isValid(5)) {
                    throw new SQLException("the connection does not answer");
                }
            }
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

        private void pause() {
            try {
                TimeUnit.MILLISECONDS.sleep(Math.min(endpoint.getReconnectDelay(), 1_000));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
