package dev.postrider.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.postrider.secrets.Secrets;
import org.apache.camel.Exchange;

/**
 * Makes a new API key for the route of its operation: the key is answered once, its hash is stored.
 *
 * <p>The key never comes near SQL, whose parameters a database may log.
 */
public final class NewApiKey {

    private final ObjectMapper mapper;

    NewApiKey(ObjectMapper mapper) {
        this.mapper = mapper;
    }

    /** Sets the exchange properties {@code newKey} and {@code newKeyHash}. */
    public void generate(Exchange exchange) {
        String key = Secrets.newApiKey();
        exchange.setProperty("newKey", key);
        exchange.setProperty("newKeyHash", ApiKeys.hash(key));
    }

    /** Adds the key to the answer. */
    public void reveal(Exchange exchange) throws JsonProcessingException {
        ObjectNode answer = (ObjectNode) mapper.readTree(exchange.getMessage().getBody(String.class));
        answer.put("apiKey", exchange.getProperty("newKey", String.class));
        exchange.getMessage().setBody(answer.toString());
    }
}
