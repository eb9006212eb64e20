package dev.postrider.inbound.signatures;

import static dev.postrider.inbound.signatures.Sender.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.inbound.WebhookRequest;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The requests and signatures are those of the tests of Twilio's libraries for Java and Node. */
class TwilioSignatureTest {

    private static final String TOKEN = "12345";
    private static final String URL = "https://mycompany.com/myapp.php?foo=1&bar=2";
    private static final String FORM =
            "To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309";
    private static final String JSON = "{\"property\": \"value\", \"boolean\": true}";
    private static final String HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    private static final String TYPE = "application/x-www-form-urlencoded";

    @ParameterizedTest
    @CsvSource({
        "https://mycompany.com/myapp.php?foo=1&bar=2, RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        "https://mycompany.com/myapp.php?foo=1&bar=2, kvajT1Ptam85bY51eRf/AJRuM3w=",
        "https://mycompany.com:443/myapp.php?foo=1&bar=2, RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        "https://mycompany.com:1234/myapp.php?foo=1&bar=2, RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        "http://mycompany.com/myapp.php?foo=1&bar=2, 0ZXoZLH/DfblKGATFgpif+LLRf4=",
        "http://mycompany.com:80/myapp.php?foo=1&bar=2, 0ZXoZLH/DfblKGATFgpif+LLRf4=",
        "http://mycompany.com:1234/myapp.php?foo=1&bar=2, Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
        "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2, CukzLTc1tT5dXEDIHm/tKBanW10=",
        "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2, ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=",
        "https://mycompany.com/myapp.php?foo=1&bar=2&Body=It's+amazing, dsq4Ehbj6cs+KdTkpF5sSSplOWw="
    })
    void aFormIsVerifiedWhetherThePortIsSignedOrNot(String url, String signature) {
        assertThat(form(url, FORM, signature)).isEmpty();
        assertThat(form(url + "&x", FORM, signature)).isPresent();
        assertThat(form(url, FORM.replace("1234&From", "1235&From"), signature)).isPresent();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            MessagingBinding.Address=%2B1325xxxxxxx&MessagingBinding.Address=%2B1415xxxxxxx | 83O6e2vORAoJHUNzJjDWN1jz+BA=
            MessagingBinding.Address=%2B1415xxxxxxx&MessagingBinding.Address=%2B1325xxxxxxx | 83O6e2vORAoJHUNzJjDWN1jz+BA=
            Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234                  | IK+Dwps556ElfBT0I3Rgjkr1wJU=
            """)
    void aFieldThatIsRepeatedCountsOnceForEachOfItsValuesInTheirOrder(String fields, String signature) {
        assertThat(form(URL, fields, signature)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=, a9nBmqA0ju/hNViExpshrM61xv4=",
        "https://mycompany.com/myapp.php?bodySHA256=, y77kIzt2vzLz71DgmJGsen2scGs="
    })
    void aBodyThatIsNoFormIsVerifiedByItsHashInTheUrl(String url, String signature) {
        assertThat(json(url + HASH, JSON, signature)).isEmpty();
        assertThat(json(url + HASH, JSON + " ", signature))
                .hasValue("the url's bodySHA256 is not the hash of the body");
        assertThat(json(url + HASH.replace('0', '1'), JSON, signature)).isPresent();
        assertThat(json(url + "zz", JSON, signature)).isPresent();
        assertThat(json(url, JSON, signature)).isPresent();
    }

    @Test
    void aBodyThatIsNeitherAFormNorSignedByTheUrlIsRefused() {
        assertThat(json(URL, JSON, "RSOYDt4T1cUTdK1PDd93/VVr8B8="))
                .hasValueSatisfying(reason -> assertThat(reason).contains("no form", "bodySHA256"));
        assertThat(form(URL, "%", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")).isPresent();
    }

    @Test
    void theReasonSaysByWhatAddressAndWhatToDo() {
        assertThat(form("http://10.0.0.7:8080/webhooks/twilio/key?a=1", FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8="))
                .hasValueSatisfying(
                        reason -> assertThat(reason).contains("by http://10.0.0.7:8080;", "postrider.public-url"));
    }

    private static Optional<String> form(String url, String body, String signature) {
        return refusal(url, TYPE + "; charset=UTF-8", body, signature);
    }

    private static Optional<String> json(String url, String body, String signature) {
        return refusal(url, "application/json", body, signature);
    }

    private static Optional<String> refusal(String url, String type, String body, String signature) {
        return Sender.SCHEMES
                .named("twilio")
                .refusal(
                        new WebhookRequest(
                                "POST",
                                url,
                                Map.of("Content-Type", List.of(type), "X-Twilio-Signature", List.of(signature)),
                                bytes(body)),
                        List.of("another", TOKEN),
                        Instant.EPOCH);
    }
}
