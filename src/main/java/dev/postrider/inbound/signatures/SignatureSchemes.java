package dev.postrider.inbound.signatures;

import dev.postrider.inbound.WebhookRequest;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The signature schemes that routes can name; each is a bean, and a new one joins by being one. */
public final class SignatureSchemes {

    /** The name of the scheme that a route describes by parameters. */
    public static final String HMAC = "hmac";

    private final Map<String, SignatureScheme> schemes;

    public SignatureSchemes(List<SignatureScheme> schemes) {
        this.schemes =
                new TreeMap<>(schemes.stream().collect(Collectors.toMap(SignatureScheme::name, Function.identity())));
    }

    /**
     * Finds a scheme when a route starts, so that a mistaken name is found then.
     *
     * @throws IllegalArgumentException when there is none of that name
     */
    public SignatureScheme named(String name) {
        SignatureScheme scheme = schemes.get(name);
        if (scheme == null) {
            throw new IllegalArgumentException(
                    "There is no signature scheme \"%s\"; known are: %s, and %s with parameters of its own. Correct the parameter \"signature\" of kamelet:webhook-source."
                            .formatted(name, String.join(", ", schemes.keySet()), HMAC));
        }
        return scheme;
    }

    /** Why this request is refused; empty when one of the secrets signed it. */
    public static Optional<String> refusal(
            SignatureScheme scheme, WebhookRequest request, List<String> secrets, Instant now) {
        // An empty key makes a valid hash, which everybody can compute.
        List<String> live = secrets.stream().filter(secret -> !secret.isBlank()).toList();
        return live.isEmpty()
                ? Optional.of("the source has no secret to verify with")
                : scheme.refusal(request, live, now);
    }
}
