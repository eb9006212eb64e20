package dev.postrider.mail;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** Mail and password go to the server that is meant and to no other, and in TLS only. */
@ExtendWith(OutputCaptureExtension.class)
class MailSecurityTest {

    private static final String PASSWORD = "correct-horse+battery/staple";

    @TempDir
    private static Path folder;

    private static MailBox box;
    private static SmtpProxy proxy;
    private static Certificates certificates;
    private static SSLContext good;
    private static Postman postman;

    @BeforeAll
    static void start() {
        certificates = Certificates.in(folder);
        good = certificates.server("localhost");
        box = MailBox.open();
        proxy = SmtpProxy.to(box.port());
        postman = Postman.through(
                proxy.port(),
                "postrider.mail.username=postrider",
                "postrider.mail.password=" + PASSWORD,
                "postrider.mail.ssl-bundle=internal",
                "spring.ssl.bundle.pem.internal.truststore.certificate=file:" + certificates.authority());
    }

    @AfterAll
    static void stop() {
        postman.close();
        proxy.close();
        box.close();
    }

    @BeforeEach
    void behave() {
        box.login("postrider", PASSWORD);
        proxy.startsTls(Optional.of(good));
    }

    @Test
    void login_and_mail_come_in_tls_after_starttls() {
        List<String> before = proxy.commands();
        String task = postman.sendPlain();
        postman.awaitSent(task);

        List<String> commands =
                proxy.commands().subList(before.size(), proxy.commands().size());
        assertThat(commands).element(1).isEqualTo("STARTTLS");
        assertThat(commands).filteredOn(command -> !command.startsWith("TLS ")).hasSize(2);
        assertThat(commands).anyMatch(command -> command.startsWith("TLS AUTH "));
        assertThat(box.mailsOf(task)).hasSize(1);
    }

    @Test
    void nothing_is_sent_to_a_server_that_does_not_offer_starttls() {
        proxy.startsTls(Optional.empty());
        int before = proxy.commands().size();

        String task = postman.sendPlain();

        assertThat(postman.awaitFailed(task))
                .isEqualTo("the mail server did not take the mail: no secure connection: it does not offer STARTTLS");
        assertThat(proxy.commands().subList(before, proxy.commands().size()))
                .allMatch(command -> command.matches("EHLO .*|QUIT"));
        proxy.startsTls(Optional.of(good));
        postman.awaitSent(task);
    }

    @Test
    void a_certificate_of_another_host_is_refused() {
        proxy.startsTls(Optional.of(certificates.server("mail.example")));

        String task = postman.sendPlain();

        assertThat(postman.awaitFailed(task))
                .isEqualTo(
                        "the mail server did not take the mail: no secure connection: the certificate is for another host");
        assertThat(box.mailsOf(task)).isEmpty();
        proxy.startsTls(Optional.of(good));
        postman.awaitSent(task);
    }

    @Test
    void a_certificate_of_an_unknown_authority_is_refused() {
        proxy.startsTls(Optional.of(certificates.unknownServer("localhost")));

        String task = postman.sendPlain();

        assertThat(postman.awaitFailed(task)).contains("the certificate is not from an authority that is trusted");
        proxy.startsTls(Optional.of(good));
        postman.awaitSent(task);
    }

    @Test
    void a_wrong_password_is_a_failed_attempt_and_no_dead_letter() {
        box.login("postrider", "changed");

        String task = postman.sendPlain();

        assertThat(postman.awaitFailed(task))
                .startsWith("the mail server did not take the mail: it does not accept the login of the settings "
                        + "postrider.mail.username and .password: 535");
        assertThat(box.mailsOf(task)).isEmpty();
        box.login("postrider", PASSWORD);
        postman.awaitSent(task);
    }

    @Test
    void the_password_is_in_no_log_no_error_and_no_mbean(CapturedOutput output) throws Exception {
        box.login("postrider", "changed");
        String task = postman.sendPlain();
        String error = postman.awaitFailed(task);
        box.login("postrider", PASSWORD);
        postman.awaitSent(task);

        assertThat(error).doesNotContain(PASSWORD);
        assertThat(output.toString()).doesNotContain(PASSWORD);
        StringBuilder shown = new StringBuilder();
        MBeanServer beans = ManagementFactory.getPlatformMBeanServer();
        for (ObjectName name : beans.queryNames(new ObjectName("org.apache.camel:*"), null)) {
            shown.append(name).append('\n');
            for (MBeanAttributeInfo attribute : beans.getMBeanInfo(name).getAttributes()) {
                try {
                    shown.append(beans.getAttribute(name, attribute.getName())).append('\n');
                } catch (Exception notNow) {
                    continue; // some are there only with statistics
                }
            }
        }
        assertThat(shown).contains("smtp://server").doesNotContain(PASSWORD);
        assertThat(postman.application().bean(MailSettings.class).toString()).doesNotContain(PASSWORD);
    }

    @Test
    void tls_from_the_first_byte_wants_the_right_host_too() {
        for (String host : List.of("localhost", "other.example")) {
            SSLContext shown = host.equals("localhost") ? good : certificates.server(host);
            try (SmtpProxy secured = SmtpProxy.withTls(shown, box.port());
                    Postman other = Postman.through(
                            secured.port(),
                            "postrider.mail.security=tls",
                            "postrider.mail.username=postrider",
                            "postrider.mail.password=" + PASSWORD,
                            "postrider.mail.ssl-bundle=internal",
                            "spring.ssl.bundle.pem.internal.truststore.certificate=file:" + certificates.authority())) {
                String task = other.sendPlain();
                if (host.equals("localhost")) {
                    other.awaitSent(task);
                    assertThat(box.mailsOf(task)).hasSize(1);
                    assertThat(secured.commands()).allMatch(command -> command.startsWith("TLS "));
                } else {
                    assertThat(other.awaitFailed(task)).contains("the certificate is for another host");
                    assertThat(secured.commands()).isEmpty();
                }
            }
        }
    }
}
