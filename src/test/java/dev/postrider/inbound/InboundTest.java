package dev.postrider.inbound;

import com.stripe.net.Webhook;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.springframework.jdbc.core.JdbcTemplate;

/** A workspace of its own in the shared application, and what it takes to send it signed webhooks. */
abstract class InboundTest {

    static final String SECRET = "whsec_test_4fJ9vS1mQ8zT";
    static final RunningApplication APPLICATION = RunningApplication.shared();

    private static final HttpClient HTTP = HttpClient.newHttpClient();

    final UUID workspace = APPLICATION.newWorkspace();
    final JdbcTemplate database = APPLICATION.sql();

    /** Lays a provider of src/test/resources/webhooks/providers over the packaged ones. */
    static void provider(String name) {
        String file = "providers/" + name + ".camel.yaml";
        APPLICATION.route(file, new String(resource(file), StandardCharsets.UTF_8));
    }

    /** Makes a source with these secrets and returns its path. */
    String source(String provider, String taskType, String... live) {
        String key = UUID.randomUUID().toString();
        database.update(
                "insert into postrider.webhook_sources (workspace_id, provider, source_key, secrets, task_type)"
                        + " values (?, ?, ?, ?, ?)",
                workspace,
                provider,
                key,
                APPLICATION.bean(SourceSecrets.class).seal(workspace, List.of(live)),
                taskType);
        return "/webhooks/" + provider + "/" + key;
    }

    HttpResponse<String> send(String path, byte[] body, Map<String, String> headers) {
        return send(HttpRequest.newBuilder().POST(HttpRequest.BodyPublishers.ofByteArray(body)), path, headers);
    }

    HttpResponse<String> send(HttpRequest.Builder request, String path, Map<String, String> headers) {
        try {
            headers.forEach(request::header);
            return HTTP.send(
                    request.uri(URI.create(APPLICATION.url(path))).build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    HttpResponse<String> stripe(String path, String body) {
        return send(path, bytes(body), stripeHeaders(body, SECRET));
    }

    /** Signed by Stripe's own library, at the test's time. */
    Map<String, String> stripeHeaders(String body, String secret) {
        try {
            long time = APPLICATION.clock().instant().getEpochSecond();
            String hash = Webhook.Util.computeHmacSha256(secret, time + "." + body);
            return Map.of(
                    "Content-Type", "application/json", "Stripe-Signature", "t=%d,v1=%s,v0=00".formatted(time, hash));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    static Map<String, String> githubHeaders(byte[] body, String event, String delivery) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(bytes(SECRET), "HmacSHA256"));
            return Map.of(
                    "Content-Type",
                    "application/json",
                    "X-GitHub-Event",
                    event,
                    "X-GitHub-Delivery",
                    delivery,
                    "X-Hub-Signature-256",
                    "sha256=" + HexFormat.of().formatHex(mac.doFinal(body)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Stripe's example as another event: of another id, object, and second. */
    static String subscription(String event, String object, long created, String status) {
        return new String(resource("stripe/customer.subscription.updated.json"), StandardCharsets.UTF_8)
                .replace("evt_1PgKqL2eZvKYlo2C4nDkQ7Yt", event)
                .replace("sub_1PgKqJ2eZvKYlo2CyQ6pBq0x", object)
                .replace("\"created\": 1721811600", "\"created\": " + created)
                .replace("\"status\": \"active\"", "\"status\": \"" + status + "\"");
    }

    static byte[] resource(String name) {
        try (var stream = InboundTest.class.getResourceAsStream("/webhooks/" + name)) {
            return stream.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** What the receipts of this workspace say, in their order. */
    List<String> verdicts() {
        return database.queryForList(
                "select verdict from postrider.inbound_receipts where workspace_id = ? order by receipt_id",
                String.class,
                workspace);
    }

    Map<String, Object> mirrored(String object) {
        return database.queryForMap(
                "select state_version, tied, event_data #>> '{data,object,status}' as status from postrider.billing_events"
                        + " where workspace_id = ? and provider_ref_id = ?",
                workspace,
                object);
    }

    int count(String table) {
        return database.queryForObject(
                "select count(*) from postrider." + table + " where workspace_id = ?", Integer.class, workspace);
    }

    /** How many webhooks the audit trail says were taken in. */
    int audited() {
        return database.queryForObject(
                "select count(*) from postrider.system_events where workspace_id = ? and event_type like 'webhook.%'",
                Integer.class, workspace);
    }
}
