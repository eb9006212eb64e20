package dev.postrider.inbound;

import com.fasterxml.jackson.databind.node.MissingNode;
import dev.postrider.inbound.signatures.HmacSignature;
import dev.postrider.inbound.signatures.HmacSignature.Parameters;
import dev.postrider.inbound.signatures.SignatureScheme;
import dev.postrider.inbound.signatures.SignatureSchemes;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.springframework.http.HttpMethod;

/**
 * Verifies one provider's webhooks before anything of the body is read: the first step of {@code kamelet:webhook-source}.
 *
 * <p>A bean of the kamelet, made once per route and filled with its parameters; a mistake in them fails the route's start.
 * Safe for any thread after {@link #start}.
 */
public final class WebhookVerifier {

    /** The exchange property that says why the request is not the provider's; empty when it is. Without it nothing is verified. */
    static final String FORGED = "webhookForged";

    private SignatureSchemes schemes;
    private SourceSecrets secrets;
    private Clock clock;
    private String signature;
    private String signatureHeader;
    private String signatureForm;
    private String signedContent;
    private String signatureAlgorithm;
    private String signatureEncoding;
    private String secretEncoding;
    private String timestampHeader;
    private Optional<Duration> tolerance = Optional.empty();
    private WebhookField challenge = WebhookField.NOWHERE;
    private WebhookField challengeToken = WebhookField.NOWHERE;
    private SignatureScheme scheme;

    public void setSchemes(SignatureSchemes schemes) {
        this.schemes = schemes;
    }

    public void setSecrets(SourceSecrets secrets) {
        this.secrets = secrets;
    }

    public void setClock(Clock clock) {
        this.clock = clock;
    }

    public void setSignature(String signature) {
        this.signature = signature;
    }

    public void setSignatureHeader(String header) {
        this.signatureHeader = header;
    }

    public void setSignatureForm(String form) {
        this.signatureForm = form;
    }

    public void setSignedContent(String content) {
        this.signedContent = content;
    }

    public void setSignatureAlgorithm(String algorithm) {
        this.signatureAlgorithm = algorithm;
    }

    public void setSignatureEncoding(String encoding) {
        this.signatureEncoding = encoding;
    }

    public void setSecretEncoding(String encoding) {
        this.secretEncoding = encoding;
    }

    public void setTimestampHeader(String header) {
        this.timestampHeader = header;
    }

    /** @param milliseconds empty: what is usual for the scheme */
    public void setTolerance(String milliseconds) {
        if (!milliseconds.isBlank()) {
            if (!milliseconds.matches("[0-9]{4,12}")) {
                throw new IllegalArgumentException(
                        "The parameter \"tolerance\" of kamelet:webhook-source has \"%s\"; it needs milliseconds, 1000 or more."
                                .formatted(milliseconds));
            }
            tolerance = Optional.of(Duration.ofMillis(Long.parseLong(milliseconds)));
        }
    }

    public void setChallenge(String expression) {
        challenge = WebhookField.parse("challenge", expression);
    }

    public void setChallengeToken(String expression) {
        challengeToken = WebhookField.parse("challengeToken", expression);
    }

    /** Called when all parameters are set. */
    public void start() {
        SignatureScheme known = signature.equals(SignatureSchemes.HMAC) ? described() : named();
        scheme = tolerance.map(known::within).orElse(known);
    }

    private SignatureScheme described() {
        return new HmacSignature(
                SignatureSchemes.HMAC,
                new Parameters(
                        signatureHeader,
                        signatureForm,
                        signedContent,
                        signatureAlgorithm,
                        signatureEncoding,
                        secretEncoding,
                        timestampHeader,
                        Duration.ofMinutes(5)));
    }

    /** A header that is named in vain would be looked for somewhere else. */
    private SignatureScheme named() {
        if (!signatureHeader.isBlank()) {
            throw notRead("signatureHeader");
        }
        if (!timestampHeader.isBlank()) {
            throw notRead("timestampHeader");
        }
        return schemes.named(signature);
    }

    private IllegalArgumentException notRead(String parameter) {
        return new IllegalArgumentException(
                "The parameter \"%s\" of kamelet:webhook-source is read with the signature hmac only; leave it out, or write hmac instead of \"%s\"."
                        .formatted(parameter, signature));
    }

    /**
     * Verifies the request, or answers it if it only asks whether the address is ours, or is no POST: the exchange then has its
     * outcome.
     */
    public void verify(Exchange exchange) {
        WebhookRequest request = exchange.getProperty(WebhookDoor.REQUEST, WebhookRequest.class);
        WebhookSource source = exchange.getProperty(WebhookDoor.SOURCE, WebhookSource.class);
        if (exchange.getProperty(WebhookDoor.FETCHED, false, boolean.class)) {
            exchange.setProperty(FORGED, "");
            return;
        }
        List<String> live = secrets.open(source.workspaceId(), source.sealedSecrets());
        Optional<String> asked = challenge.read(request, MissingNode.getInstance());
        boolean posted = HttpMethod.POST.matches(request.method());
        if (asked.isPresent() && isTokenRight(request, live)) {
            answer(exchange, WebhookOutcome.challenge(asked.get()));
        } else if (!posted && asked.isPresent()) {
            answer(
                    exchange,
                    WebhookOutcome.refused(
                            401,
                            "rejected",
                            "The question at %s shows none of the source's secrets; set one of them as the token at the provider."
                                    .formatted(challengeToken)));
        } else if (!posted) {
            answer(exchange, WebhookOutcome.refused(405, "rejected", "Webhooks are taken in by POST only."));
        } else {
            verifySignature(exchange, request, live);
        }
    }

    /** Nothing is written that would have to be committed first. */
    private static void answer(Exchange exchange, WebhookOutcome outcome) {
        exchange.setProperty(WebhookDoor.OUTCOME, outcome);
        exchange.setProperty(WebhookDoor.COMMITTED, true);
    }

    private void verifySignature(Exchange exchange, WebhookRequest request, List<String> live) {
        Instant now = exchange.getProperty(WebhookDoor.RECEIVED_AT, clock.instant(), Instant.class);
        exchange.setProperty(
                FORGED, SignatureSchemes.refusal(scheme, request, live, now).orElse(""));
    }

    private boolean isTokenRight(WebhookRequest request, List<String> live) {
        if (!challengeToken.declared()) {
            return true;
        }
        byte[] token = challengeToken
                .read(request, MissingNode.getInstance())
                .orElse("")
                .getBytes(StandardCharsets.UTF_8);
        boolean right = false;
        for (String secret : live) {
            right |= !secret.isBlank() && MessageDigest.isEqual(secret.getBytes(StandardCharsets.UTF_8), token);
        }
        return right;
    }
}
