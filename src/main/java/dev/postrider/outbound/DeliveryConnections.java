package dev.postrider.outbound;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSocket;
import org.apache.hc.client5.http.DnsResolver;
import org.apache.hc.client5.http.SchemePortResolver;
import org.apache.hc.client5.http.impl.io.DefaultHttpClientConnectionOperator;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.client5.http.io.HttpClientConnectionOperator;
import org.apache.hc.client5.http.io.ManagedHttpClientConnection;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.client5.http.ssl.TlsSocketStrategy;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.URIScheme;
import org.apache.hc.core5.http.config.Lookup;
import org.apache.hc.core5.http.config.RegistryBuilder;
import org.apache.hc.core5.http.io.SocketConfig;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.net.NamedEndpoint;
import org.apache.hc.core5.ssl.SSLContexts;
import org.apache.hc.core5.util.Timeout;

/**
 * Makes the connections of deliveries: with the client certificate of the request, through a proxy if there is one, and
 * timed.
 *
 * <p>The name is resolved, and its addresses are checked, here and not by the proxy, which is asked for the address: a proxy
 * that resolved it anew could be sent elsewhere.
 */
final class DeliveryConnections extends PoolingHttpClientConnectionManagerBuilder {

    /** Attribute of a request's context: the client certificate in PEM, if the endpoint wants to see one. */
    static final String CLIENT_CERTIFICATE = DeliveryConnections.class.getName() + ".certificate";

    /** Attribute of a request's context: until when it may last, as {@link System#nanoTime()}. */
    static final String UNTIL = DeliveryConnections.class.getName() + ".until";

    private static final int MOST_CERTIFICATES = 200;

    private final AddressGuard guard;
    private final Optional<Proxy> proxy;
    private final TlsSocketStrategy plain = new DefaultClientTlsStrategy(SSLContexts.createDefault());
    private final Map<String, TlsSocketStrategy> certified =
            Collections.synchronizedMap(new LinkedHashMap<>(16, 0.75f, true) {
                @Override
                protected boolean removeEldestEntry(Map.Entry<String, TlsSocketStrategy> eldest) {
                    return size() > MOST_CERTIFICATES;
                }
            });

    DeliveryConnections(AddressGuard guard, Optional<Proxy> proxy) {
        this.guard = guard;
        this.proxy = proxy;
    }

    @Override
    protected HttpClientConnectionOperator createConnectionOperator(
            SchemePortResolver ports, DnsResolver names, TlsSocketStrategy tls) {
        Lookup<TlsSocketStrategy> strategies = RegistryBuilder.<TlsSocketStrategy>create()
                .register(URIScheme.HTTPS.id, this::secure)
                .build();
        return new DefaultHttpClientConnectionOperator(Socket::new, ports, names, strategies) {

            @Override
            public void connect(
                    ManagedHttpClientConnection connection,
                    HttpHost host,
                    NamedEndpoint name,
                    InetSocketAddress local,
                    Timeout timeout,
                    SocketConfig config,
                    Object attachment,
                    HttpContext context)
                    throws IOException {
                AttemptTiming.of(context).resolves();
                // The deadline closes the socket that it knows: it ends neither the lookup of a name, nor what a proxy
                // is
                // asked, which Java does on a connection of its own.
                Timeout remaining = remaining(context);
                operator(ports, new WithinTime(remaining.toDuration()), strategies)
                        .connect(
                                connection,
                                host,
                                name,
                                local,
                                timeout.compareTo(remaining) < 0 ? timeout : remaining,
                                SocketConfig.copy(config)
                                        .setSoTimeout(remaining)
                                        .build(),
                                attachment,
                                context);
            }
        };
    }

    /** Rounded up, so that the time is over when it is. */
    private static Timeout remaining(HttpContext context) {
        long nanoseconds = (long) context.getAttribute(UNTIL) - System.nanoTime();
        return Timeout.ofMilliseconds(Math.max(1, TimeUnit.NANOSECONDS.toMillis(nanoseconds) + 1));
    }

    private HttpClientConnectionOperator operator(
            SchemePortResolver ports, DnsResolver names, Lookup<TlsSocketStrategy> strategies) {
        return new DefaultHttpClientConnectionOperator(
                ignored -> proxy.map(Socket::new).orElseGet(Socket::new), ports, names, strategies) {

            @Override
            protected void onBeforeSocketConnect(HttpContext context, HttpHost host) {
                AttemptTiming.of(context).connects();
            }

            @Override
            protected void onAfterSocketConnect(HttpContext context, HttpHost host) {
                AttemptTiming.of(context).connected();
            }

            @Override
            protected void onBeforeTlsHandshake(HttpContext context, HttpHost host) {
                AttemptTiming.of(context).handshakes();
            }

            @Override
            protected void onAfterTlsHandshake(HttpContext context, HttpHost host) {
                AttemptTiming.of(context).secured();
            }
        };
    }

    /** Finds, and checks, the addresses for one connection. */
    private final class WithinTime implements DnsResolver {
        private final Duration most;

        private WithinTime(Duration most) {
            this.most = most;
        }

        @Override
        public List<InetSocketAddress> resolve(String host, int port) throws UnknownHostException {
            return guard.resolve(host, port, most);
        }

        @Override
        public InetAddress[] resolve(String host) throws UnknownHostException {
            return resolve(host, 0).stream().map(InetSocketAddress::getAddress).toArray(InetAddress[]::new);
        }

        @Override
        public String resolveCanonicalHostname(String host) {
            return host;
        }
    }

    private SSLSocket secure(Socket socket, String host, int port, Object attachment, HttpContext context)
            throws IOException {
        String certificate = (String) context.getAttribute(CLIENT_CERTIFICATE);
        TlsSocketStrategy strategy = certificate == null
                ? plain
                : certified.computeIfAbsent(
                        certificate,
                        pem -> new DefaultClientTlsStrategy(
                                ClientCertificate.parse(pem).context()));
        return strategy.upgrade(socket, host, port, attachment, context);
    }
}
