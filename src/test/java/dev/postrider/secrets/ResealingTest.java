package dev.postrider.secrets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.MigratedDatabase;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** The encryption key is replaced: what the old one sealed is sealed by the new one, and nothing is lost on the way. */
@ExtendWith(OutputCaptureExtension.class)
class ResealingTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();

    private final UUID workspace = DATABASE.newWorkspace();
    private final SecretBox old = new SecretBox(key(1));
    private final SecretBox between = new SecretBox(key(2), List.of(key(1)));
    private final SecretBox current = new SecretBox(key(2));

    @Test
    void what_the_old_key_sealed_opens_with_the_new_one_alone_and_a_second_time_nothing_is_left_to_do() {
        UUID source = source(old.seal(workspace, SecretBox.SOURCE, "[\"whsec_1\"]"));
        UUID endpoint = endpoint(
                old.seal(workspace, SecretBox.ENDPOINT, "whsec_2"),
                old.seal(workspace, SecretBox.HEADER + "X-Token", "abc"));

        assertThat(resealing(between)).isEqualTo(2);

        assertThat(current.open(workspace, SecretBox.SOURCE, secret("secrets", "webhook_sources", "source_id", source)))
                .isEqualTo("[\"whsec_1\"]");
        assertThat(current.open(
                        workspace, SecretBox.ENDPOINT, secret("secret", "webhook_endpoints", "endpoint_id", endpoint)))
                .isEqualTo("whsec_2");
        String header = DATABASE.sql()
                .queryForObject(
                        "select headers ->> 'X-Token' from postrider.webhook_endpoints where endpoint_id = ?",
                        String.class,
                        endpoint);
        assertThat(current.open(
                        workspace,
                        SecretBox.HEADER + "X-Token",
                        Base64.getDecoder().decode(header)))
                .isEqualTo("abc");
        assertThat(resealing(between)).isZero();
    }

    @Test
    void a_secret_that_no_key_opens_is_left_and_named_and_the_others_are_done(CapturedOutput output) {
        byte[] foreign = new SecretBox(key(3)).seal(workspace, SecretBox.SOURCE, "[]");
        UUID unreadable = source(foreign);
        source(old.seal(workspace, SecretBox.SOURCE, "[]"));

        assertThat(resealing(between)).isOne();

        assertThat(secret("secrets", "webhook_sources", "source_id", unreadable))
                .isEqualTo(foreign);
        assertThat(output).contains("The secrets of source " + unreadable + " are not encrypted anew");
        DATABASE.sql().update("delete from postrider.webhook_sources where source_id = ?", unreadable);
    }

    @Test
    void a_secret_that_was_changed_since_it_was_read_stays_as_it_is() {
        byte[] was = old.seal(workspace, SecretBox.SOURCE, "[]");
        byte[] changed = current.seal(workspace, SecretBox.SOURCE, "[\"new\"]");
        UUID source = source(changed);

        Boolean replaced = DATABASE.as(
                "operator",
                null,
                sql -> sql.queryForObject(
                        "select postrider.replace_sealed('source', ?, ?, ?, ?, '{}', '{}')",
                        Boolean.class,
                        workspace,
                        source,
                        was,
                        between.reseal(workspace, SecretBox.SOURCE, was)));

        assertThat(replaced).isFalse();
        assertThat(secret("secrets", "webhook_sources", "source_id", source)).isEqualTo(changed);
    }

    @Test
    void a_further_key_opens_and_encrypts_nothing() {
        byte[] sealed = between.seal(workspace, SecretBox.SOURCE, "x");

        assertThat(current.open(workspace, SecretBox.SOURCE, sealed)).isEqualTo("x");
        assertThatThrownBy(() -> old.open(workspace, SecretBox.SOURCE, sealed))
                .isInstanceOf(UnreadableSecretException.class);
        assertThat(new SecretBox(key(2), List.of(key(2))).open(workspace, SecretBox.SOURCE, sealed))
                .as("the current key may stand among the further ones")
                .isEqualTo("x");
    }

    private static int resealing(SecretBox box) {
        return DATABASE.as("operator", null, sql -> new Resealing(box, sql).run());
    }

    private UUID source(byte[] secrets) {
        return DATABASE.sql()
                .queryForObject(
                        "insert into postrider.webhook_sources (workspace_id, provider, source_key, secrets) values (?, 'stripe', ?, ?) returning source_id",
                        UUID.class,
                        workspace,
                        UUID.randomUUID().toString(),
                        secrets);
    }

    private UUID endpoint(byte[] secret, byte[] header) {
        return DATABASE.as(
                "tenant",
                workspace,
                sql -> sql.queryForObject(
                        "insert into postrider.webhook_endpoints (workspace_id, url, event_types, secret, headers) values (?, 'https://example.com', '{*}', ?, jsonb_build_object('X-Token', ?::text)) returning endpoint_id",
                        UUID.class,
                        workspace,
                        secret,
                        Base64.getEncoder().encodeToString(header)));
    }

    private static byte[] secret(String column, String table, String id, UUID value) {
        return DATABASE.sql()
                .queryForObject(
                        "select %s from postrider.%s where %s = ?".formatted(column, table, id), byte[].class, value);
    }

    private static byte[] key(int filler) {
        byte[] key = new byte[32];
        Arrays.fill(key, (byte) filler);
        return key;
    }
}
