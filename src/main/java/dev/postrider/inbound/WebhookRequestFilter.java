package dev.postrider.inbound;

import dev.postrider.api.Problem;
import dev.postrider.api.ProblemWriter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.coyote.CloseNowException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.server.ServletServerHttpRequest;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.util.ForwardedHeaderUtils;
import org.springframework.web.util.UriComponentsBuilder;

/**
 * Reads a webhook's bytes before anything else does: never more than the limit, never decoded, and on the connection's
 * own thread, so that a slow sender keeps no route waiting.
 *
 * <p>What goes on to Camel is a request without headers, parameters or body, because Camel turns all of these into message
 * headers, which a handler could take for trusted data. The {@link WebhookRequest} goes along as an attribute.
 */
final class WebhookRequestFilter extends OncePerRequestFilter {

    /** The request attribute that holds the {@link WebhookRequest}. */
    static final String ATTRIBUTE = "dev.postrider.webhook";

    private static final int PART = 8 * 1024;

    private final int limit;
    private final Duration patience;
    private final String publicUrl;
    private final ProblemWriter problems;

    /**
     * @param patience how long a body may take
     * @param publicUrl what providers reach this installation by; empty: what their requests say
     */
    WebhookRequestFilter(int limit, Duration patience, String publicUrl, ProblemWriter problems) {
        this.limit = limit;
        this.patience = patience;
        this.publicUrl = publicUrl;
        this.problems = problems;
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        long start = System.nanoTime();
        boolean asks = HttpMethod.GET.matches(request.getMethod()) && request.getQueryString() != null;
        if (!asks && !HttpMethod.POST.matches(request.getMethod())) {
            response.setHeader(HttpHeaders.ALLOW, HttpMethod.POST.name());
            refuse(405, "Webhooks are taken in by POST only.", request, response, start);
            return;
        }
        byte[] body;
        try {
            body = request.getContentLengthLong() > limit ? null : read(request.getInputStream(), start);
        } catch (SocketTimeoutException e) {
            refuse(
                    408,
                    "The body did not come within %d ms (postrider.limits.webhook-time); nothing was stored."
                            .formatted(patience.toMillis()),
                    request,
                    response,
                    start);
            return;
        } catch (IOException e) {
            problems.write(
                    Problem.of(400, "The body broke off, or is not chunked as it says; nothing was stored."), response);
            return;
        }
        if (body == null) {
            refuse(
                    413,
                    "A webhook may have %d bytes (postrider.limits.webhook-body); nothing was stored.".formatted(limit),
                    request,
                    response,
                    start);
            return;
        }
        Map<String, List<String>> headers = new TreeMap<>();
        Collections.list(request.getHeaderNames())
                .forEach(name -> headers.put(name, Collections.list(request.getHeaders(name))));
        request.setAttribute(ATTRIBUTE, new WebhookRequest(request.getMethod(), url(request), headers, body));
        chain.doFilter(new BareRequest(request), response);
    }

    /**
     * The server waits for the next bytes only so long, but as often as some come: the whole needs a time of its own.
     *
     * @return null for a body over the limit
     */
    private byte[] read(InputStream in, long start) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        byte[] part = new byte[PART];
        for (int length = in.read(part); length >= 0; length = in.read(part)) {
            body.write(part, 0, length);
            if (body.size() > limit) {
                return null;
            }
            if (isOver(start)) {
                throw new SocketTimeoutException();
            }
        }
        return body.toByteArray();
    }

    /**
     * Answers at once, then lets the sender come to its end, so that it reads the answer. The server itself would do that for as
     * long as something comes, on this thread: whoever has not come to his end in time is cut off.
     */
    private void refuse(int status, String detail, HttpServletRequest request, HttpServletResponse response, long start)
            throws IOException {
        problems.write(Problem.of(status, detail), response);
        response.flushBuffer();
        byte[] part = new byte[PART];
        long rest = 2L * limit;
        try {
            InputStream in = request.getInputStream();
            for (int length = in.read(part); length >= 0; length = in.read(part)) {
                rest -= length;
                if (rest < 0 || isOver(start)) {
                    throw new CloseNowException("The rest of a refused webhook is not waited for");
                }
            }
        } catch (SocketTimeoutException e) {
            throw new CloseNowException("The rest of a refused webhook did not come", e);
        }
    }

    private boolean isOver(long start) {
        return System.nanoTime() - start > patience.toNanos();
    }

    /** Some providers sign the url that they called: a proxy in between may have changed all but the path. */
    private String url(HttpServletRequest request) {
        String query = request.getQueryString();
        return (publicUrl.isEmpty() ? origin(request) : publicUrl)
                + request.getRequestURI()
                + (query == null ? "" : "?" + query);
    }

    private static String origin(HttpServletRequest request) {
        ServletServerHttpRequest called = new ServletServerHttpRequest(request);
        UriComponentsBuilder uri;
        try {
            uri = ForwardedHeaderUtils.adaptFromForwardedHeaders(called.getURI(), called.getHeaders());
        } catch (IllegalArgumentException e) { // no proxy wrote these headers
            uri = UriComponentsBuilder.fromUri(called.getURI());
        }
        return uri.replacePath(null).replaceQuery(null).build().toUriString();
    }
}
