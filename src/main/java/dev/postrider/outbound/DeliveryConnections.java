package dev.postrider.outbound;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
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

    private static final int MOST_CERTIFICATES = 200;

    private final Optional<Proxy> proxy;
    private final TlsSocketStrategy plain = new DefaultClientTlsStrategy(SSLContexts.createDefault());
    private final Map<String, TlsSocketStrategy> certified =
            Collections.synchronizedMap(new LinkedHashMap<>(16, 0.75f, true) {
                @Override
                protected boolean removeEldestEntry(Map.Entry<String, TlsSocketStrategy> eldest) {
                    return size() > MOST_CERTIFICATES;
                }
            });

    DeliveryConnections(Optional<Proxy> proxy) {
        this.proxy = proxy;
    }

    @Override
    protected HttpClientConnectionOperator createConnectionOperator(
            SchemePortResolver ports, DnsResolver names, TlsSocketStrategy tls) {
        return new DefaultHttpClientConnectionOperator(
                ignored -> proxy.map(Socket::new).orElseGet(Socket::new),
                ports,
                names,
                RegistryBuilder.<TlsSocketStrategy>create()
                        .register(URIScheme.HTTPS.id, this::secure)
                        .build()) {

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
                super.connect(connection, host, name, local, timeout, config, attachment, context);
            }

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
