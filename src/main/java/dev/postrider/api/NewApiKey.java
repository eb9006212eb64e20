package dev.postrider.api;

import dev.postrider.secrets.Secrets;
import org.apache.camel.Exchange;

/** Makes a new API key for the route of its operation: the key is answered once, its hash is stored. */
public final class NewApiKey {

    /** Sets the exchange properties {@code newKey} and {@code newKeyHash}. */
    public void generate(Exchange exchange) {
        String key = Secrets.newApiKey();
        exchange.setProperty("newKey", key);
        exchange.setProperty("newKeyHash", ApiKeys.hash(key));
    }
}
