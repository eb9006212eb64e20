package dev.postrider.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** Answers with a problem document, from a route or from a filter. */
public final class ProblemWriter {

    private static final Set<Integer> RETRIED = Set.of(429, 503);
    private static final String RETRY_AFTER_SECONDS = "5";

    private final ObjectMapper mapper;

    ProblemWriter(ObjectMapper mapper) {
        this.mapper = mapper;
    }

    public void write(Problem problem, Exchange exchange) {
        exchange.setException(null);
        Message answer = exchange.getMessage();
        answer.removeHeaders("*");
        answer.setHeader(Exchange.HTTP_RESPONSE_CODE, problem.status());
        answer.setHeader(Exchange.CONTENT_TYPE, Problem.MEDIA_TYPE);
        if (RETRIED.contains(problem.status())) {
            answer.setHeader("Retry-After", RETRY_AFTER_SECONDS);
        }
        answer.setBody(text(problem));
    }

    public void write(Problem problem, HttpServletResponse response) throws IOException {
        response.setStatus(problem.status());
        response.setContentType(Problem.MEDIA_TYPE);
        if (problem.status() == 401) {
            response.setHeader("WWW-Authenticate", "Bearer");
        }
        if (RETRIED.contains(problem.status())) {
            response.setHeader("Retry-After", RETRY_AFTER_SECONDS);
        }
        byte[] body = text(problem).getBytes(StandardCharsets.UTF_8);
        response.setContentLength(body.length); // whole even if the connection is closed behind it
        response.getOutputStream().write(body);
    }

    private String text(Problem problem) {
        try {
            return mapper.writeValueAsString(problem);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("A problem document of texts and numbers was not written", e);
        }
    }
}
