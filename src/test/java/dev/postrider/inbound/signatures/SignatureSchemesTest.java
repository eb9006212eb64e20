package dev.postrider.inbound.signatures;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.stripe.net.Webhook;
import dev.postrider.inbound.WebhookRequest;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

class SignatureSchemesTest {

    private static final Instant SIGNED = Instant.ofEpochSecond(1_492_774_577);
    private static final String EVENT = "{\"id\":\"evt_test_webhook\",\"object\":\"event\"}";
    private static final String URL = "https://example.com/webhooks/provider/key";
    private static final String SECRET = "whsec_test_secret";
    private static final String HASH = "88a022085c6bdb887b02cb26ff76dd681234d9675c0f22844059f55552a8883a";

    private static final SignatureSchemes SCHEMES =
            new AnnotationConfigApplicationContext(SignatureConfiguration.class).getBean(SignatureSchemes.class);

    private Instant now = SIGNED;

    @Test
    void verifiesWhatStripesLibrarySigned() throws GeneralSecurityException {
        String time = String.valueOf(SIGNED.getEpochSecond());
        assertThat(Webhook.Util.computeHmacSha256(SECRET, time + "." + EVENT)).isEqualTo(HASH);

        assertThat(stripe("t=%s,v1=%s".formatted(time, HASH), SECRET)).isEmpty();
    }

    @Test
    void verifiesStripeWithAnyOfSeveralSignaturesAndEitherLiveSecret() {
        String header = "t=1492774577,v1=%s,v1=%s,v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"
                .formatted("0".repeat(64), HASH);

        assertThat(stripe(header, "whsec_new", SECRET)).isEmpty();
        assertThat(stripe(header, "whsec_new")).isPresent();
        assertThat(stripe("t=1492774577,v0=" + HASH, SECRET))
                .as("v0 is for tests of Stripe's own")
                .isPresent();
    }

    @ParameterizedTest
    @ValueSource(longs = {-300, 0, 300})
    void toleratesFiveMinutesOnEitherSide(long seconds) {
        now = SIGNED.plusSeconds(seconds);
        assertThat(stripe("t=1492774577,v1=" + HASH, SECRET)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(longs = {-301, 301, 86_400})
    void refusesASignatureThatIsFurtherAway(long seconds) {
        now = SIGNED.plusSeconds(seconds);
        assertThat(stripe("t=1492774577,v1=" + HASH, SECRET))
                .hasValueSatisfying(why -> assertThat(why).contains(Math.abs(seconds) + " seconds"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "t=1492774577",
                "v1=88a022085c6bdb887b02cb26ff76dd681234d9675c0f22844059f55552a8883a",
                "t=soon,v1=88a022085c6bdb887b02cb26ff76dd681234d9675c0f22844059f55552a8883a",
                "t=1492774577,v1=xyz",
                "t=1492774577,v1=",
                "t=99999999999999999999,v1=00",
                "=,=,,"
            })
    void refusesAStripeHeaderThatIsNone(String header) {
        assertThat(stripe(header, SECRET)).isPresent();
    }

    @Test
    void verifiesGithubsPublishedExample() {
        String hash = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

        assertThat(github("Hello, World!", "sha256=" + hash)).isEmpty();
        assertThat(github("Hello, World?", "sha256=" + hash)).isPresent();
        assertThat(github("Hello, World!", hash)).isPresent();
        assertThat(github("Hello, World!", "sha1=" + hash)).isPresent();
        assertThat(github("Hello, World!", "sha256=" + hash.substring(2))).isPresent();
    }

    @Test
    void refusesARequestWithoutASignature() {
        WebhookRequest request = new WebhookRequest("POST", URL, Map.of(), new byte[0]);

        assertThat(SignatureSchemes.refusal(SCHEMES.named("stripe"), request, List.of(SECRET), now))
                .hasValueSatisfying(why -> assertThat(why).contains("Stripe-Signature"));
        assertThat(SignatureSchemes.refusal(SCHEMES.named("github"), request, List.of(SECRET), now))
                .hasValueSatisfying(why -> assertThat(why).contains("X-Hub-Signature-256"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " "})
    void neverVerifiesWithAnEmptySecret(String empty) throws GeneralSecurityException {
        String forged = HmacOf.hex(" ".equals(empty) ? " " : "\0", "1492774577." + EVENT);

        assertThat(stripe("t=1492774577,v1=" + forged, empty)).hasValue("the source has no secret to verify with");
        assertThat(stripe("t=1492774577,v1=" + forged)).isPresent();
    }

    @Test
    void namesTheKnownSchemesWhenThereIsNoneOfTheName() {
        assertThatThrownBy(() -> SCHEMES.named("strip"))
                .hasMessageContaining("\"strip\"")
                .hasMessageContaining(
                        "github, paddle, sendgrid, shopify, slack, square, standard-webhooks, stripe, twilio");
    }

    private Optional<String> stripe(String header, String... secrets) {
        return SignatureSchemes.refusal(
                SCHEMES.named("stripe"),
                new WebhookRequest(
                        "POST",
                        URL,
                        Map.of("stripe-signature", List.of(header)),
                        EVENT.getBytes(StandardCharsets.UTF_8)),
                List.of(secrets),
                now);
    }

    private Optional<String> github(String body, String signature) {
        return SignatureSchemes.refusal(
                SCHEMES.named("github"),
                new WebhookRequest(
                        "POST",
                        URL,
                        Map.of("x-hub-signature-256", List.of(signature)),
                        body.getBytes(StandardCharsets.UTF_8)),
                List.of("It's a Secret to Everybody"),
                now);
    }

    /** HMAC pads a short key with zeros, so the empty key and one zero byte sign alike. */
    private static final class HmacOf {
        static String hex(String key, String text) throws GeneralSecurityException {
            return Webhook.Util.computeHmacSha256(key, text);
        }
    }
}
