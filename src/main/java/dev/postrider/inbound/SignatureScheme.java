package dev.postrider.inbound;

import java.time.Clock;
import java.util.List;
import java.util.Optional;

/**
 * How one family of providers signs its webhooks.
 *
 * <p>A bean of this type is known to {@code kamelet:webhook-source} by its name. Implementations compare in constant
 * time, and are safe for any thread.
 */
public interface SignatureScheme {

    /** The name that routes give in {@code signature}. */
    String name();

    /**
     * Checks that one of the secrets signed this request.
     *
     * @param secrets the live secrets, none of them empty: two while a secret is being replaced
     * @param clock what the age of a signature is measured with
     * @return why the request is refused, for people; empty when it is genuine
     */
    Optional<String> refusal(WebhookRequest request, List<String> secrets, Clock clock);
}
