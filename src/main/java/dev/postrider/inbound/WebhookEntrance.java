package dev.postrider.inbound;

import dev.postrider.api.Problem;
import dev.postrider.api.ProblemWriter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.http.HttpFilter;
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
import org.springframework.web.util.ForwardedHeaderUtils;
import org.springframework.web.util.UriComponentsBuilder;

/**
 * Where webhooks come in: reads the bytes, never more than the limit and never decoded, and has the route answer, all on the
 * connection's own thread.
 *
 * <p>It stands before every other filter and calls none of them (docs/decisions/webhook-entrance.md). Nothing of the sender's
 * choosing becomes a message header, which a handler could take for trusted data.
 */
final class WebhookEntrance extends HttpFilter {

    private static final long serialVersionUID = 1L;

    /** By these a proxy says what it was called by. */
    private static final List<String> OF_PROXIES =
            List.of("Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Ssl");

    private static final int PART = 8 * 1024;

    private final transient WebhookRoute route;
    private final transient ProblemWriter problems;
    private final int limit;
    private final Duration patience;
    private final String publicUrl;

    /**
     * @param patience how long a body may take
     * @param publicUrl what providers reach this installation by; empty: what their requests say
     */
    WebhookEntrance(WebhookRoute route, ProblemWriter problems, int limit, Duration patience, String publicUrl) {
        this.route = route;
        this.problems = problems;
        this.limit = limit;
        this.patience = patience;
        this.publicUrl = publicUrl;
    }

    @Override
    protected void doFilter(HttpServletRequest request, HttpServletResponse response, FilterChain others)
            throws IOException {
        long start = System.nanoTime();
        response.setHeader("X-Content-Type-Options", "nosniff");
        response.setHeader(HttpHeaders.CACHE_CONTROL, "no-store");
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
        String path = request.getRequestURI().substring(request.getContextPath().length());
        route.answer(path, new WebhookRequest(request.getMethod(), url(request), headers, body), response);
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
        if (OF_PROXIES.stream().allMatch(name -> request.getHeader(name) == null)) {
            StringBuffer called = request.getRequestURL();
            return called.substring(0, called.length() - request.getRequestURI().length());
        }
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
