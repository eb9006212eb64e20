package dev.postrider.api;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.springframework.dao.DataAccessException;
import org.springframework.web.filter.OncePerRequestFilter;

/** Lets a request to the API in with a valid key and a body that is not too large; before anything else looks at it. */
final class ApiKeyFilter extends OncePerRequestFilter {

    /** The request attribute that holds the {@link Caller}. */
    static final String CALLER = ApiKeyFilter.class.getName() + ".caller";

    /** The request attribute that holds the body's bytes. */
    static final String BODY = ApiKeyFilter.class.getName() + ".body";

    private static final String SCHEME = "Bearer ";

    private final ApiKeys keys;
    private final ProblemWriter problems;
    private final Sizes sizes;

    /**
     * How many bytes a body may have.
     *
     * @param batch of a request that enqueues many tasks
     */
    record Sizes(int one, int batch) {}

    ApiKeyFilter(ApiKeys keys, ProblemWriter problems, Sizes sizes) {
        this.keys = keys;
        this.problems = problems;
        this.sizes = sizes;
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        Optional<Caller> caller;
        try {
            caller = caller(request);
        } catch (DataAccessException e) {
            problems.write(Problems.of(e, "Authentication"), response);
            return;
        }
        if (caller.isEmpty()) {
            problems.write(
                    Problem.of(
                            401,
                            "The API key is missing or opens nothing. Send it as \"Authorization: Bearer <api key>\"."),
                    response);
            return;
        }
        boolean batch = request.getRequestURI().endsWith("/tasks/batch");
        int maximumBody = batch ? sizes.batch() : sizes.one();
        byte[] body = request.getInputStream().readNBytes(maximumBody + 1);
        if (body.length > maximumBody) {
            problems.write(
                    Problem.of(
                            413,
                            "The body is larger than %d bytes (%s)."
                                    .formatted(
                                            maximumBody,
                                            batch
                                                    ? "postrider.limits.batch"
                                                    : "postrider.limits.payload and a little")),
                    response);
            return;
        }
        request.setAttribute(CALLER, caller.get());
        request.setAttribute(BODY, body);
        chain.doFilter(new ReadRequest(request, body), response);
    }

    private Optional<Caller> caller(HttpServletRequest request) {
        List<String> headers = Collections.list(request.getHeaders("Authorization"));
        // Of two keys a proxy in front may have looked at the other one.
        return headers.size() != 1 || !headers.get(0).regionMatches(true, 0, SCHEME, 0, SCHEME.length())
                ? Optional.empty()
                : keys.resolve(headers.get(0).substring(SCHEME.length()).strip());
    }

    /** A request whose body was read already. */
    private static final class ReadRequest extends HttpServletRequestWrapper {

        private final byte[] body;

        ReadRequest(HttpServletRequest request, byte[] body) {
            super(request);
            this.body = body;
        }

        @Override
        public ServletInputStream getInputStream() {
            ByteArrayInputStream bytes = new ByteArrayInputStream(body);
            return new ServletInputStream() {
                @Override
                public int read() {
                    return bytes.read();
                }

                @Override
                public boolean isFinished() {
                    return bytes.available() == 0;
                }

                @Override
                public boolean isReady() {
                    return true;
                }

                @Override
                public void setReadListener(ReadListener listener) {
                    throw new UnsupportedOperationException("The body is read at once");
                }
            };
        }

        @Override
        public java.io.BufferedReader getReader() {
            return new java.io.BufferedReader(
                    new java.io.InputStreamReader(getInputStream(), java.nio.charset.StandardCharsets.UTF_8));
        }
    }
}
