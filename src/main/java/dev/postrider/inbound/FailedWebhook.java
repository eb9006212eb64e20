package dev.postrider.inbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.camel.Exchange;

/** Turns the receipt that was rolled back with a provider's failed steps into one that says so. */
public final class FailedWebhook {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** The exception may show the inside, SQL or another's data, and stays in the log. */
    public void describe(Exchange exchange) throws JsonProcessingException {
        WebhookRequest request = exchange.getProperty(WebhookDoor.REQUEST, WebhookRequest.class);
        ObjectNode receipt = (ObjectNode) JSON.readTree(exchange.getProperty(WebhookReader.RECEIPT, String.class));
        receipt.put("verdict", "rejected");
        receipt.put(
                "reason", "the provider's route failed and was rolled back; the provider was told to send it again");
        exchange.setProperty(WebhookReader.RECEIPT, receipt.toString());
        exchange.setProperty(WebhookReader.BYTES, request.body());
    }
}
