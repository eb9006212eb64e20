package dev.postrider.outbound;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.Charset;
import java.nio.charset.IllegalCharsetNameException;
import java.nio.charset.StandardCharsets;
import java.nio.charset.UnsupportedCharsetException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.camel.Exchange;
import org.apache.hc.client5.http.classic.ExecChain;
import org.apache.hc.client5.http.classic.ExecChainHandler;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.core5.concurrent.Cancellable;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.EndpointDetails;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.util.Timeout;

/**
 * Bounds one HTTP exchange with an endpoint: in time, its response's body included, and in what is read of that body.
 *
 * <p>It sends the {@link DeliveryRequest} that it finds in the Camel exchange, headers and all, and leaves the
 * {@link DeliveryResponse} there, also when only a part of it came. Safe for any thread.
 */
final class BoundedExchange implements ExecChainHandler {

    /** Property of the Camel exchange: the {@link DeliveryRequest}. */
    static final String REQUEST = "deliveryRequest";

    /** Property of the Camel exchange: the {@link DeliveryResponse}, if there was any. */
    static final String RESPONSE = "deliveryResponse";

    /** Property of the Camel exchange: the {@link AttemptTiming}. */
    static final String TIMING = "deliveryTiming";

    /** Property of the Camel exchange: the address of the endpoint as text, once it is connected. */
    static final String REMOTE_ADDRESS = "deliveryRemoteAddress";

    /** Where camel-http leaves its exchange, as long as its endpoint has an activity listener. */
    private static final String CAMEL_EXCHANGE = "org.apache.camel.Exchange";

    private static final int BUFFER = 8192;

    private final ScheduledExecutorService clock;
    private final int capture;

    /**
     * @param clock ends what takes too long
     * @param capture bytes of a response's body that are read at most
     */
    BoundedExchange(ScheduledExecutorService clock, int capture) {
        this.clock = clock;
        this.capture = capture;
    }

    @Override
    public ClassicHttpResponse execute(ClassicHttpRequest request, ExecChain.Scope scope, ExecChain chain)
            throws IOException, HttpException {
        Exchange exchange = (Exchange) scope.clientContext.getAttribute(CAMEL_EXCHANGE);
        DeliveryRequest delivery = exchange.getProperty(REQUEST, DeliveryRequest.class);
        // Camel was given the origin only: it would resolve {{placeholders}} in a customer's url, and encode it anew.
        request.setPath(delivery.target());
        delivery.headers().forEach(request::setHeader);
        AttemptTiming timing = AttemptTiming.of(scope.clientContext);
        exchange.setProperty(TIMING, timing);
        if (delivery.clientCertificate() != null) {
            scope.clientContext.setAttribute(DeliveryConnections.CLIENT_CERTIFICATE, delivery.clientCertificate());
        }
        // A connection is used again only by who shows the same certificate, or none: without a token it would be
        // anybody's.
        // The HTTP client writes tokens into its log, so it is not the certificate, which has its key with it.
        scope.clientContext.setUserToken(fingerprint(delivery.clientCertificate()));
        Timeout timeout = Timeout.of(delivery.timeout());
        scope.clientContext.setRequestConfig(RequestConfig.copy(scope.clientContext.getRequestConfigOrDefault())
                .setConnectionRequestTimeout(timeout)
                .setResponseTimeout(timeout)
                .build());
        long until = System.nanoTime() + delivery.timeout().toNanos();
        scope.clientContext.setAttribute(DeliveryConnections.UNTIL, until);
        AtomicBoolean late = new AtomicBoolean();
        Future<?> deadline = clock.schedule(
                () -> {
                    late.set(true);
                    ((Cancellable) scope.originalRequest).cancel();
                },
                timeout.toMilliseconds(),
                TimeUnit.MILLISECONDS);
        try {
            ClassicHttpResponse response = chain.proceed(request, scope);
            timing.answered();
            receive(response, exchange, scope);
            return response;
        } catch (SlowNameException e) {
            throw e;
        } catch (IOException e) {
            throw late.get() || System.nanoTime() >= until ? new DeadlineException(delivery.timeout(), e) : e;
        } finally {
            deadline.cancel(false);
            noteAddress(exchange, scope.clientContext.getEndpointDetails());
        }
    }

    private static String fingerprint(String certificate) {
        if (certificate == null) {
            return "none";
        }
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(certificate.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    private static void noteAddress(Exchange exchange, EndpointDetails connection) {
        if (connection != null && connection.getRemoteAddress() instanceof InetSocketAddress remote) {
            exchange.setProperty(REMOTE_ADDRESS, address(remote));
        }
    }

    /** Without the scope of a local IPv6 address (%eth0), which PostgreSQL's inet does not hold. */
    private static String address(InetSocketAddress remote) {
        return remote.getAddress().getHostAddress().replaceFirst("%.*", "");
    }

    private void receive(ClassicHttpResponse response, Exchange exchange, ExecChain.Scope scope) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        HttpEntity entity = response.getEntity();
        boolean complete = false;
        try {
            complete = entity == null || read(entity.getContent(), body);
        } finally {
            exchange.setProperty(
                    RESPONSE,
                    new DeliveryResponse(
                            response.getCode(),
                            headers(response),
                            storable(body.toString(charset(entity))),
                            !complete));
            if (!complete) {
                // Nobody knows how much would follow: the connection is closed, not drained.
                scope.execRuntime.discardEndpoint();
            }
        }
        // All is read: camel-http would decompress it, or deserialize it, as the endpoint's headers say.
        response.setEntity(null);
    }

    /** Whether the stream ended within the capture. */
    private boolean read(InputStream content, ByteArrayOutputStream body) throws IOException {
        byte[] buffer = new byte[BUFFER];
        while (true) {
            int room = capture - body.size();
            // One byte more than fits shows that there is more.
            int read = content.read(buffer, 0, Math.min(BUFFER, room + 1));
            if (read < 0) {
                return true;
            }
            body.write(buffer, 0, Math.min(read, room));
            if (read > room) {
                return false;
            }
        }
    }

    private static Map<String, String> headers(ClassicHttpResponse response) {
        Map<String, String> headers = new TreeMap<>();
        for (Header header : response.getHeaders()) {
            String value = header.getValue() == null ? "" : storable(header.getValue());
            headers.merge(storable(header.getName()).toLowerCase(Locale.ROOT), value, (one, two) -> one + ", " + two);
        }
        return headers;
    }

    private static Charset charset(HttpEntity entity) {
        try {
            ContentType type = entity == null ? null : ContentType.parseLenient(entity.getContentType());
            Charset charset = type == null ? null : type.getCharset();
            return charset == null ? StandardCharsets.UTF_8 : charset;
        } catch (IllegalCharsetNameException | UnsupportedCharsetException e) {
            return StandardCharsets.UTF_8;
        }
    }

    /** PostgreSQL's text holds every character but NUL, and JSON no half of a pair. */
    private static String storable(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8).replace('\0', '\uFFFD');
    }
}
