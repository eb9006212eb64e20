package dev.postrider.inbound.signatures;

import dev.postrider.inbound.signatures.HmacSignature.Parameters;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * The schemes that come with the product.
 *
 * <p>Where a provider signs a time, five minutes are tolerated, as its own libraries do; but for Paddle's, which tolerate
 * five seconds: a clock that is a little off would refuse payments, and a repetition is recognised by its event id anyway.
 */
@Configuration(proxyBeanMethods = false)
public class SignatureConfiguration {

    private static final Duration TOLERANCE = Duration.ofMinutes(5);

    @Bean
    SignatureSchemes signatureSchemes(List<SignatureScheme> schemes) {
        return new SignatureSchemes(schemes);
    }

    /** The key is the whole {@code whsec_…} text; {@code v0} and whatever else stands in the header is ignored. */
    @Bean
    SignatureScheme stripeSignature() {
        return hmac("stripe", "Stripe-Signature", "t={timestamp},v1={signature}", "{timestamp}.{body}", "hex", "");
    }

    /** The older {@code X-Hub-Signature}, made with SHA-1, is not looked at. */
    @Bean
    SignatureScheme githubSignature() {
        return hmac("github", "X-Hub-Signature-256", "sha256={signature}", "{body}", "hex", "");
    }

    @Bean
    SignatureScheme shopifySignature() {
        return hmac("shopify", "X-Shopify-Hmac-Sha256", "{signature}", "{body}", "base64", "");
    }

    @Bean
    SignatureScheme slackSignature() {
        return hmac(
                "slack",
                "X-Slack-Signature",
                "v0={signature}",
                "v0:{timestamp}:{body}",
                "hex",
                "X-Slack-Request-Timestamp");
    }

    @Bean
    SignatureScheme paddleSignature() {
        return hmac("paddle", "Paddle-Signature", "ts={timestamp};h1={signature}", "{timestamp}:{body}", "hex", "");
    }

    /** Behind a proxy that changes the url, {@code postrider.public-url} has to say how Square reaches it. */
    @Bean
    SignatureScheme squareSignature() {
        return hmac("square", "x-square-hmacsha256-signature", "{signature}", "{url}{body}", "base64", "");
    }

    @Bean
    SignatureScheme standardWebhooksSignature() {
        return new StandardWebhooksSignature(TOLERANCE);
    }

    @Bean
    SignatureScheme twilioSignature() {
        return new TwilioSignature();
    }

    @Bean
    SignatureScheme sendgridSignature() {
        return new SendgridSignature(Optional.empty());
    }

    private static SignatureScheme hmac(
            String name, String header, String form, String signed, String encoding, String timestampHeader) {
        return new HmacSignature(
                name, new Parameters(header, form, signed, "sha256", encoding, "text", timestampHeader, TOLERANCE));
    }
}
