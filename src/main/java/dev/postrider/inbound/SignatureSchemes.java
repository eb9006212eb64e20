package dev.postrider.inbound;

import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The signature schemes that routes can name; each is a bean, and a new one joins by being one. */
public final class SignatureSchemes {

    private final Map<String, SignatureScheme> schemes;
    private final Clock clock;

    public SignatureSchemes(List<SignatureScheme> schemes, Clock clock) {
        this.schemes =
                new TreeMap<>(schemes.stream().collect(Collectors.toMap(SignatureScheme::name, Function.identity())));
        this.clock = clock;
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
                    "There is no signature scheme \"%s\"; known are: %s. Correct the parameter \"signature\" of kamelet:webhook-source."
                            .formatted(name, String.join(", ", schemes.keySet())));
        }
        return scheme;
    }

    /** Why this request is refused; empty when one of the secrets signed it. */
    public Optional<String> refusal(SignatureScheme scheme, WebhookRequest request, List<String> secrets) {
        // An empty key makes a valid hash, which everybody can compute.
        List<String> live = secrets.stream().filter(secret -> !secret.isBlank()).toList();
        return live.isEmpty()
                ? Optional.of("the source has no secret to verify with")
                : scheme.refusal(request, live, clock);
    }
}
