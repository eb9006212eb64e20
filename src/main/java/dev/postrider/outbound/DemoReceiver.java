package dev.postrider.outbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Plays a customer's endpoint in the demo: says what it received, and answers as it is told. */
public final class DemoReceiver {

    private static final Logger log = LoggerFactory.getLogger(DemoReceiver.class);
    private static final int READ = 512 * 1024;

    private final ObjectMapper json;

    DemoReceiver(ObjectMapper json) {
        this.json = json;
    }

    /** Logs one line, and answers with the status of the query parameter {@code status}. */
    public void receive(Exchange exchange) throws IOException {
        Message message = exchange.getMessage();
        String id = message.getHeader("webhook-id", "none", String.class);
        String wanted = message.getHeader("status", "200", String.class);
        int status = wanted.matches("[2-5]\\d\\d") ? Integer.parseInt(wanted) : 400;
        log.info("Demo receiver: event {} ({}), answering {}", printable(id), printable(type(message)), status);
        // Nothing of the request goes back.
        message.removeHeaders("*");
        message.setHeader(Exchange.HTTP_RESPONSE_CODE, status);
        message.setHeader(Exchange.CONTENT_TYPE, "application/json");
        message.setBody("{\"received\":" + (status < 300) + "}");
    }

    private String type(Message message) throws IOException {
        InputStream body = message.getBody(InputStream.class);
        try {
            return body == null
                    ? "no body"
                    : json.readTree(body.readNBytes(READ)).path("type").asText("unknown type");
        } catch (JsonProcessingException e) {
            return "no JSON";
        }
    }

    /** Whoever posts here must not write lines of their own into the log. */
    private static String printable(String text) {
        String line = text.replaceAll("[^\\x20-\\x7e]", "?");
        return line.length() <= 100 ? line : line.substring(0, 100);
    }
}
