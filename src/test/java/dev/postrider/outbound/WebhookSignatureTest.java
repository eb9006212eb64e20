package dev.postrider.outbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Base64;
import org.junit.jupiter.api.Test;

class WebhookSignatureTest {

    @Test
    void signsAsTheReferenceLibrariesOfStandardWebhooksDo() {
        assertThat(WebhookSignature.sign(
                        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                        "msg_p5jXN8AQM9LWM0D4loKWxJek",
                        1614265330,
                        "{\"test\": 2432232314}"))
                .isEqualTo("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    @Test
    void aNewSecretHas32RandomBytes() {
        String secret = WebhookSignature.newSecret();
        assertThat(secret).startsWith("whsec_").isNotEqualTo(WebhookSignature.newSecret());
        assertThat(Base64.getDecoder().decode(secret.substring(6))).hasSize(32);
    }

    @Test
    void anEmptySecretSignsNothing() {
        assertThatThrownBy(() -> WebhookSignature.sign("whsec_", "id", 1, "{}"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void signsV1aAsTheVectorOfStandardWebhooksDoes() {
        String secret = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
        assertThat(WebhookSignature.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330L, "{\"test\": 2432232314}"))
                .isEqualTo(
                        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==");
        assertThat(WebhookSignature.publicKey(secret)).isEqualTo("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=");
        assertThat(WebhookSignature.publicKey(WebhookSignature.newSecret())).isNull();
    }

    @Test
    void allSecretsSignAndTheCurrentOneFirst() {
        String one = WebhookSignature.newSecret();
        String other = WebhookSignature.newPrivateKey();
        assertThat(WebhookSignature.sign(java.util.List.of(one, other), "id", 1, "{}"))
                .isEqualTo(
                        WebhookSignature.sign(one, "id", 1, "{}") + " " + WebhookSignature.sign(other, "id", 1, "{}"));
    }
}
