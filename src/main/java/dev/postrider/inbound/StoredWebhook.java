package dev.postrider.inbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.Discard;
import java.sql.Timestamp;
import java.util.List;
import java.util.Map;
import org.apache.camel.Body;
import org.apache.camel.Exchange;
import org.springframework.http.HttpMethod;

/** Makes of a stored receipt the webhook that it was, to be taken in again. */
public final class StoredWebhook {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** @throws Discard if the receipt or its source is gone */
    public void enter(Exchange exchange, @Body Map<?, ?> row) throws JsonProcessingException {
        if (row == null) {
            throw new Discard("The receipt %s is not there any more, or its source is not"
                    .formatted(exchange.getProperty("receiptId")));
        }
        Object url = row.get("url");
        Map<String, List<String>> headers =
                JSON.readValue(row.get("headers").toString(), new TypeReference<Map<String, List<String>>>() {});
        WebhookDoor.handOver(
                exchange,
                new WebhookRequest(
                        HttpMethod.POST.name(), url == null ? "" : url.toString(), headers, (byte[]) row.get("body")),
                WebhookSource.of(row.get("provider").toString(), row));
        exchange.setProperty(WebhookDoor.RECEIVED_AT, ((Timestamp) row.get("received_at")).toInstant());
        exchange.setProperty(WebhookDoor.FETCHED, row.get("fetched"));
        exchange.setProperty(WebhookDoor.AGAIN, row.get("receipt_id").toString());
        exchange.getMessage().setBody(null);
    }
}
