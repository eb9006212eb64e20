package dev.postrider.inbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.springframework.http.HttpMethod;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/** Makes of what a route fetched from a provider the webhook that the provider did not send: for {@code kamelet:webhook-sink}. */
public final class FetchedWebhook implements AggregationStrategy {

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * Makes the exchange ready for the provider's route.
     *
     * @throws IllegalStateException unless there is one source, a body, and no transaction
     */
    public void enter(Exchange exchange) throws JsonProcessingException {
        Message message = exchange.getMessage();
        String provider = exchange.getProperty("sinkProvider", String.class);
        List<?> sources = (List<?>) message.removeHeader("PostriderSources");
        if (TransactionSynchronizationManager.isActualTransactionActive()) {
            throw new IllegalStateException(
                    "kamelet:webhook-sink was called inside a transaction, and each webhook is taken in by one of its own: call it from a route that is not transacted");
        }
        if (sources.size() != 1) {
            String named = exchange.getProperty("sinkSourceId", "", String.class);
            throw new IllegalStateException(
                    sources.isEmpty()
                            ? "This workspace has no source %sof the provider %s: make one by the API"
                                    .formatted(named.isEmpty() ? "" : named + " ", provider)
                            : "This workspace has several sources of the provider %s: name one by the parameter sourceId of kamelet:webhook-sink"
                                    .formatted(provider));
        }
        WebhookRequest request = new WebhookRequest(HttpMethod.POST.name(), "", headers(exchange), body(message));
        WebhookDoor.handOver(exchange, request, WebhookSource.of(provider, (Map<?, ?>) sources.get(0)));
        exchange.setProperty(WebhookDoor.FETCHED, true);
        message.setBody(null);
    }

    /** Tells the calling route what became of it. */
    @Override
    public Exchange aggregate(Exchange caller, Exchange done) {
        WebhookOutcome outcome = done.getProperty(WebhookDoor.OUTCOME, WebhookOutcome.class);
        if (done.getException() != null) {
            caller.setException(done.getException());
        } else {
            caller.setProperty("verdict", outcome.verdict());
            caller.setProperty("receiptId", outcome.receiptId());
        }
        return caller;
    }

    private static Map<String, List<String>> headers(Exchange exchange) {
        Map<?, ?> given = exchange.getProperty("webhookHeaders", Map.class);
        Map<String, List<String>> headers = new LinkedHashMap<>();
        (given == null ? exchange.getMessage().getHeaders() : given).forEach((name, value) -> {
            if (value != null && !name.toString().startsWith("Camel")) {
                List<String> values = new ArrayList<>();
                (value instanceof Collection<?> several ? several : List.of(value))
                        .forEach(one -> values.add(String.valueOf(one)));
                headers.put(name.toString(), values);
            }
        });
        return headers;
    }

    private static byte[] body(Message message) throws JsonProcessingException {
        Object body = message.getBody();
        if (body instanceof Map || body instanceof List) {
            return JSON.writeValueAsBytes(body);
        }
        if (body instanceof String text) {
            return text.getBytes(StandardCharsets.UTF_8);
        }
        byte[] bytes = message.getBody(byte[].class);
        if (bytes == null) {
            throw new IllegalStateException(
                    "kamelet:webhook-sink needs the event as the body, as text, bytes, or parsed JSON; it is %s"
                            .formatted(
                                    body == null
                                            ? "empty"
                                            : "of type " + body.getClass().getName()));
        }
        return bytes;
    }
}
