package dev.postrider.inbound.signatures;

import dev.postrider.inbound.WebhookRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * How one family of providers signs its webhooks.
 *
 * <p>A bean of this type is known to {@code kamelet:webhook-source} by its name. Implementations compare in constant
 * time, and are safe for any thread.
 */
public interface SignatureScheme {

    /** What a request is told that nobody signed who holds a live secret. */
    String NOT_OURS = "no live secret of the source made this signature";

    /** The name that routes give in {@code signature}. */
    String name();

    /**
     * Checks that one of the secrets signed this request.
     *
     * @param secrets the live secrets, none of them empty: two while a secret is being replaced
     * @param now what the age of a signature is measured with
     * @return why the request is refused, for people; empty when it is genuine
     */
    Optional<String> refusal(WebhookRequest request, List<String> secrets, Instant now);

    /**
     * The same scheme with another tolerance for the signature's age.
     *
     * @throws IllegalArgumentException when it signs no time
     */
    default SignatureScheme within(Duration tolerance) {
        throw new IllegalArgumentException(
                "The signature scheme \"%s\" signs no time; leave out the parameter \"tolerance\" of kamelet:webhook-source."
                        .formatted(name()));
    }
}
