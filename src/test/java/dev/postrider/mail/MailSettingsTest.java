package dev.postrider.mail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.postrider.startup.StartupException;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import jakarta.mail.internet.MimeMessage;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.MapConfigurationPropertySource;
import org.springframework.boot.ssl.DefaultSslBundleRegistry;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** Settings for mail that cannot work are refused at the start, in words that say which and what to do. */
@ExtendWith(OutputCaptureExtension.class)
class MailSettingsTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "username=u | Of the settings postrider.mail.username and postrider.mail.password only one",
                "password=hush | Of the settings postrider.mail.username and postrider.mail.password only one",
                "security=ssl | The setting postrider.mail.security is unknown: ssl",
                "security=none,username=u,password=hush | would send the password in the clear",
                "security=none,ssl-bundle=internal | ssl-bundle is given, and postrider.mail.security is none",
                "ssl-bundle=internal | names a bundle that is not there: internal",
                "port=0 | The setting postrider.mail.port is no port: 0",
                "port=65536 | The setting postrider.mail.port is no port: 65536",
                "host=smtp://mail.example | The setting postrider.mail.host is no host: smtp://mail.example",
                "host=mail.example:587 | The setting postrider.mail.host is no host: mail.example:587",
                "host=user@mail.example | The setting postrider.mail.host is no host",
                "from=nobody | The setting postrider.mail.from is no address: nobody",
                "from=a@b.example and c@d.example | The setting postrider.mail.from is no address",
                "timeout=0s | The setting postrider.mail.timeout is out of range",
                "timeout=6m | The setting postrider.mail.timeout is out of range",
                "attachments=-1B | The setting postrider.mail.attachments is negative"
            })
    void what_cannot_work_is_refused(String given, String reason) {
        assertThatThrownBy(() -> use(given))
                .isInstanceOf(StartupException.class)
                .hasMessageContaining(reason)
                .hasMessageNotContaining("hush")
                .satisfies(refused -> assertThat(((StartupException) refused).action())
                        .isNotBlank()
                        .doesNotContain("hush"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "host=mail.example | 587",
                "host=mail.example,security=tls,username=u,password=p | 465",
                "host=mail.example,security=none | 25",
                "host=localhost,security=none,username=u,password=p | 25",
                "host=::1,security=none,username=u,password=p | 25",
                "host=mail.example,port=2525,from=Example <no-reply@example.com> | 2525",
                "host=,username=,password=,from=,ssl-bundle= | 587"
            })
    void what_can_work_is_taken_and_the_port_follows_from_the_security(String given, int port) {
        assertThat(use(given).getPort()).isEqualTo(port);
    }

    @Test
    void a_start_with_settings_that_cannot_work_says_so_without_a_stack_trace(CapturedOutput output) {
        assertThat(catchThrowable(() ->
                        RunningApplication.start("postrider.mail.host=mail.example", "postrider.mail.username=me")))
                .isNotNull();

        assertThat(output.toString())
                .containsOnlyOnce("APPLICATION FAILED TO START")
                .contains("Of the settings postrider.mail.username and postrider.mail.password only one is given.")
                .contains("Give both")
                .doesNotContain("\tat ");
    }

    @Test
    void without_settings_a_mail_is_a_failed_attempt_that_says_what_to_set_and_the_rest_works() {
        RunningApplication application = RunningApplication.shared();
        String task = application.enqueue(
                "email-dispatch",
                "{\"from\": \"a@b.example\", \"to\": \"c@d.example\", \"subject\": \"Hello\", \"text\": \"Hello\"}");

        assertThat(failed(application, task).text("/lastError")).contains("give the setting postrider.mail.from");
        assertThat(catchThrowable(() -> use("host=").send((MimeMessage) null)))
                .hasMessage("no mail server is set: give the setting postrider.mail.host");
        application.awaitTask(application.enqueue("report-generate", "{}"), "completed");
    }

    private static Answer failed(RunningApplication application, String task) {
        String path = "/v1/tasks/" + task;
        RunningApplication.await()
                .until(() -> application
                                .call("GET", path, null)
                                .json()
                                .path("failures")
                                .asInt()
                        == 1);
        Answer failed = application.call("GET", path, null);
        assertThat(failed.text("/status")).isEqualTo("queued");
        return failed;
    }

    /** What Postrider makes of settings, each without its {@code postrider.mail.}, separated by commas. */
    private static MailServer use(String given) {
        Map<String, String> properties = new TreeMap<>(Map.of("postrider.mail.host", "mail.example"));
        for (String one : given.split(",")) {
            properties.put("postrider.mail." + one.split("=")[0], one.substring(one.indexOf('=') + 1));
        }
        MailSettings settings = new Binder(new MapConfigurationPropertySource(properties))
                .bind("postrider.mail", MailSettings.class)
                .get();
        MailServer.sender(settings);
        return new MailServer(settings, new DefaultSslBundleRegistry());
    }
}
