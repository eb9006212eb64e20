package dev.postrider.inbound;

import dev.postrider.api.Problem;
import dev.postrider.api.ProblemWriter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.server.ServletServerHttpRequest;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.util.ForwardedHeaderUtils;

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

    private final int limit;
    private final String publicUrl;
    private final ProblemWriter problems;

    /** @param publicUrl what providers reach this installation by; empty: what their requests say */
    WebhookRequestFilter(int limit, String publicUrl, ProblemWriter problems) {
        this.limit = limit;
        this.publicUrl = publicUrl;
        this.problems = problems;
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        boolean asks = HttpMethod.GET.matches(request.getMethod()) && request.getQueryString() != null;
        if (!asks && !HttpMethod.POST.matches(request.getMethod())) {
            response.setHeader(HttpHeaders.ALLOW, HttpMethod.POST.name());
            problems.write(Problem.of(405, "Webhooks are taken in by POST only."), response);
            return;
        }
        byte[] body = request.getContentLengthLong() > limit
                ? null
                : request.getInputStream().readNBytes(limit + 1);
        if (body == null || body.length > limit) {
            problems.write(
                    Problem.of(
                            413,
                            "A webhook may have %d bytes (postrider.limits.webhook-body); nothing was stored."
                                    .formatted(limit)),
                    response);
            return;
        }
        Map<String, List<String>> headers = new TreeMap<>();
        Collections.list(request.getHeaderNames())
                .forEach(name -> headers.put(name, Collections.list(request.getHeaders(name))));
        request.setAttribute(ATTRIBUTE, new WebhookRequest(request.getMethod(), url(request), headers, body));
        chain.doFilter(new BareRequest(request), response);
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
        return ForwardedHeaderUtils.adaptFromForwardedHeaders(called.getURI(), called.getHeaders())
                .replacePath(null)
                .replaceQuery(null)
                .build()
                .toUriString();
    }
}
