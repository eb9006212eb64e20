package dev.postrider.outbound;

import java.net.Proxy;
import java.util.Optional;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.apache.camel.component.http.HttpClientConfigurer;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.impl.classic.HttpClientBuilder;
import org.apache.hc.client5.http.impl.io.ManagedHttpClientConnectionFactory;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManager;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.pool.PoolStats;
import org.apache.hc.core5.util.TimeValue;
import org.apache.hc.core5.util.Timeout;

/**
 * Configures the HTTP client of deliveries: it does exactly one request, remembers nothing, and is bounded in all.
 *
 * <p>One pool of connections serves all endpoints, whichever route uses it.
 */
final class DeliveryClient implements HttpClientConfigurer, AutoCloseable {

    /** As many as a node delivers at once: customers that share a host do not wait for each other's connections. */
    private static final int CONNECTIONS = 512;

    private static final TimeValue IDLE = TimeValue.ofMinutes(1);
    private static final Timeout CONNECT = Timeout.ofSeconds(10);

    private final PoolingHttpClientConnectionManager connections;
    private final ScheduledThreadPoolExecutor deadlines;
    private final BoundedExchange bounds;
    private final String userAgent;

    /**
     * @param capture bytes of a response's body that are read at most
     * @param proxy what all connections go through
     */
    DeliveryClient(AddressGuard guard, int capture, String userAgent, Optional<Proxy> proxy) {
        // Not a bean: Spring Boot would give the application no task executor of its own beside it.
        this.deadlines = new ScheduledThreadPoolExecutor(1, DeliveryClient::thread);
        this.deadlines.setRemoveOnCancelPolicy(true);
        this.bounds = new BoundedExchange(deadlines, capture);
        this.userAgent = userAgent;
        this.connections = new DeliveryConnections(guard, proxy)
                .setMaxConnTotal(CONNECTIONS)
                .setMaxConnPerRoute(CONNECTIONS)
                .setConnectionFactory(ManagedHttpClientConnectionFactory.builder()
                        // Without these an endpoint could fill the memory with headers.
                        .http1Config(Http1Config.custom()
                                .setMaxHeaderCount(100)
                                .setMaxLineLength(16_384)
                                .build())
                        .build())
                .setDefaultConnectionConfig(ConnectionConfig.custom()
                        .setConnectTimeout(CONNECT)
                        // Nothing is repeated, so a connection that the endpoint closed meanwhile must be noticed.
                        .setValidateAfterInactivity(TimeValue.ofMilliseconds(1))
                        .setTimeToLive(TimeValue.ofMinutes(5))
                        .build())
                .build();
        deadlines.scheduleWithFixedDelay(
                () -> connections.closeIdle(IDLE), IDLE.toSeconds(), IDLE.toSeconds(), TimeUnit.SECONDS);
    }

    private static Thread thread(Runnable deadlines) {
        Thread thread = new Thread(deadlines, "delivery-deadlines");
        thread.setDaemon(true);
        return thread;
    }

    PoolStats connections() {
        return connections.getTotalStats();
    }

    @Override
    public void configureHttpClient(HttpClientBuilder client) {
        client.setConnectionManager(connections)
                .setConnectionManagerShared(true)
                .disableRedirectHandling()
                .disableAutomaticRetries()
                .disableCookieManagement()
                .disableAuthCaching()
                .disableContentCompression()
                .setUserAgent(userAgent)
                .addExecInterceptorFirst("delivery", bounds);
    }

    @Override
    public void close() {
        connections.close();
        deadlines.shutdownNow();
    }
}
