package dev.postrider.secrets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class SecretBoxTest {

    private static final UUID WORKSPACE = UUID.fromString("00000000-0000-7000-8000-000000000001");

    private final SecretBox box = new SecretBox(key(1));

    @Test
    void opensWhatAnotherNodeWithTheSameKeySealed() {
        byte[] sealed = new SecretBox(key(1)).seal(WORKSPACE, "webhook-source", "whsec_ä");

        assertThat(box.open(WORKSPACE, "webhook-source", sealed)).isEqualTo("whsec_ä");
    }

    @Test
    void showsNothingOfTheSecretAndNeverSealsItTheSameWayTwice() {
        byte[] sealed = box.seal(WORKSPACE, "webhook-source", "whsec_secret");

        assertThat(new String(sealed, StandardCharsets.ISO_8859_1)).doesNotContain("whsec_secret");
        assertThat(box.seal(WORKSPACE, "webhook-source", "whsec_secret")).isNotEqualTo(sealed);
    }

    @Test
    void refusesASecretThatWasMovedToAnotherOwnerOrPurpose() {
        byte[] sealed = box.seal(WORKSPACE, "webhook-source", "whsec_secret");

        assertUnreadable(box, UUID.randomUUID(), "webhook-source", sealed);
        assertUnreadable(box, WORKSPACE, "webhook-endpoint", sealed);
    }

    @Test
    void refusesAChangedSecretAndAnotherKey() {
        byte[] sealed = box.seal(WORKSPACE, "webhook-source", "whsec_secret");
        byte[] changed = sealed.clone();
        changed[changed.length - 1] ^= 1;

        assertUnreadable(box, WORKSPACE, "webhook-source", changed);
        assertUnreadable(new SecretBox(key(2)), WORKSPACE, "webhook-source", sealed);
    }

    @Test
    void namesItsKeyInFrontOfWhatItSeals() {
        byte[] one = box.seal(WORKSPACE, "webhook-source", "one");
        byte[] two = box.seal(WORKSPACE, "webhook-source", "two");
        byte[] other = new SecretBox(key(2)).seal(WORKSPACE, "webhook-source", "one");

        assertThat(Arrays.copyOf(one, 5)).isEqualTo(Arrays.copyOf(two, 5)).isNotEqualTo(Arrays.copyOf(other, 5));
    }

    @Test
    void refusesAKeyOfAnotherSize() {
        assertThatThrownBy(() -> new SecretBox(new byte[16])).hasMessageContaining("16 bytes");
    }

    private static void assertUnreadable(SecretBox box, UUID workspace, String purpose, byte[] sealed) {
        assertThatThrownBy(() -> box.open(workspace, purpose, sealed))
                .isInstanceOf(UnreadableSecretException.class)
                .hasMessageContaining("postrider.encryption-key");
    }

    private static byte[] key(int seed) {
        byte[] key = new byte[32];
        Arrays.fill(key, (byte) seed);
        return key;
    }
}
