package dev.postrider.inbound;

import dev.postrider.api.Problem;
import dev.postrider.api.ProblemWriter;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangePattern;
import org.apache.camel.Message;
import org.apache.camel.ProducerTemplate;
import org.springframework.http.HttpHeaders;

/**
 * Asks the route {@code receive-webhook}, and writes what it answers.
 *
 * <p>So many webhooks are in the route at once as there are connections for them; the others wait for their turn in the order
 * in which they came, and not longer than a webhook waits for a connection. Safe for any thread.
 */
final class WebhookRoute {

    private static final String ROUTE = "direct:receive-webhook?block=false";
    private static final Pattern ADDRESS = Pattern.compile("/webhooks/([^/]*)/([^/]*)");
    private static final Problem LATER =
            Problem.of(503, "Webhooks cannot be taken in now; send it again later. Nothing was stored.");

    private final ProducerTemplate camel;
    private final ProblemWriter problems;
    private final MeterRegistry meters;
    private final Semaphore turns;
    private final Duration patience;

    /**
     * @param connections how many webhooks the database takes at once
     * @param patience how long one waits for its turn
     */
    WebhookRoute(
            ProducerTemplate camel, ProblemWriter problems, MeterRegistry meters, int connections, Duration patience) {
        this.camel = camel;
        this.problems = problems;
        this.meters = meters;
        this.turns = new Semaphore(connections, true);
        this.patience = patience;
    }

    /** @param path the url's, as it was called, below the application's */
    void answer(String path, WebhookRequest webhook, HttpServletResponse response) throws IOException {
        try {
            if (!turns.tryAcquire(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                refuse(response);
                return;
            }
        } catch (InterruptedException e) { // the server stops
            Thread.currentThread().interrupt();
            refuse(response);
            return;
        }
        Exchange exchange;
        try {
            exchange = ask(path, webhook);
        } finally {
            turns.release();
        }
        if (exchange.getException() == null) {
            write(exchange.getMessage(), response);
        } else { // the route answers whatever happens in it: it does not run
            refuse(response);
        }
    }

    private Exchange ask(String path, WebhookRequest webhook) {
        Matcher address = ADDRESS.matcher(path);
        boolean complete = address.matches();
        return camel.send(ROUTE, ExchangePattern.InOut, exchange -> {
            exchange.setProperty(WebhookDoor.REQUEST, webhook);
            exchange.setProperty(WebhookDoor.PROVIDER, complete ? address.group(1) : "");
            exchange.setProperty(WebhookDoor.SOURCE_KEY, complete ? address.group(2) : "");
        });
    }

    private void refuse(HttpServletResponse response) throws IOException {
        WebhookDoor.count(meters, "other", "failed");
        problems.write(LATER, response);
    }

    private static void write(Message answer, HttpServletResponse response) throws IOException {
        response.setStatus(answer.getHeader(Exchange.HTTP_RESPONSE_CODE, 200, int.class));
        response.setContentType(answer.getHeader(Exchange.CONTENT_TYPE, String.class));
        for (String name : List.of(HttpHeaders.ALLOW, HttpHeaders.RETRY_AFTER)) {
            String value = answer.getHeader(name, String.class);
            if (value != null) {
                response.setHeader(name, value);
            }
        }
        byte[] body = answer.getBody(String.class).getBytes(StandardCharsets.UTF_8);
        response.setContentLength(body.length);
        response.getOutputStream().write(body);
    }
}
