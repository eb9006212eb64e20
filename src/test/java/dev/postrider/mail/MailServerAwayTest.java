package dev.postrider.mail;

import static dev.postrider.mail.Postman.await;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A mail server that goes away, at whichever moment, costs no mail: each arrives, and whoever gets it twice can tell. */
class MailServerAwayTest {

    private static final int MAILS = 100;

    private static final MailBox BOX = MailBox.open();
    private static final SmtpProxy PROXY = SmtpProxy.to(BOX.port());
    private static final Postman POSTMAN = Postman.through(PROXY.port(), "postrider.mail.security=none");

    @AfterAll
    static void stop() {
        POSTMAN.close();
        PROXY.close();
        BOX.close();
    }

    @BeforeEach
    void behave() {
        PROXY.does((moment, line) -> SmtpProxy.Deed.PASS);
    }

    @AfterEach
    void theBooksAreRight() {
        assertThat(POSTMAN.application().sql().queryForObject("select postrider.unaccounted()", Long.class))
                .isZero();
    }

    @Test
    void all_mails_arrive_though_the_server_is_killed_while_they_are_sent_and_started_again() {
        List<String> tasks = new ArrayList<>();
        for (int i = 0; i < MAILS; i++) {
            tasks.add(POSTMAN.send(Map.of("to", "ada@example.com", "subject", "No. " + i, "text", "Hello " + i)));
            if (i == MAILS / 2) {
                await().until(() -> arrived().size() > MAILS / 10);
                BOX.kill();
            }
        }
        int when = arrived().size();
        assertThat(when).isBetween(MAILS / 10, MAILS - 1);
        await().until(() -> POSTMAN.application()
                        .sql()
                        .queryForObject(
                                "select count(*) from postrider.background_tasks where task_type = 'email-dispatch' and failure_count > 0",
                                Integer.class)
                > 0);

        BOX.startAgain();

        for (String task : tasks) {
            POSTMAN.awaitSent(task);
        }
        assertThat(arrived()).containsAll(tasks);
    }

    @ParameterizedTest
    @ValueSource(strings = {"CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "DOT"})
    void a_connection_that_is_cut_before_the_server_has_the_mail_is_one_failed_attempt(String moment) {
        cutOnce(moment);

        String task = POSTMAN.sendPlain();

        assertThat(POSTMAN.awaitSent(task).json().path("failures").asInt()).isEqualTo(1);
        assertThat(BOX.mailsOf(task)).hasSize(1);
        assertThat(POSTMAN.awaitSent(task).text("/lastError"))
                .isEqualTo(
                        "the mail server did not take the mail: the connection broke before the answer was complete");
    }

    @Test
    void a_mail_whose_receipt_is_lost_is_sent_again_with_the_same_message_id_and_idempotency_key() {
        cutOnce("ACCEPTED");

        String task = POSTMAN.sendPlain();
        POSTMAN.awaitSent(task);

        assertThat(BOX.mailsOf(task)).hasSize(2).allSatisfy(mail -> {
            assertThat(mail.getMessageID()).isEqualTo("<" + task + "@sender.example>");
            assertThat(MailBox.header(mail, "Idempotency-Key")).isEqualTo(task);
        });
    }

    @Test
    void a_connection_that_is_cut_after_the_receipt_is_no_failure() {
        cutOnce("QUIT");

        String task = POSTMAN.sendPlain();

        assertThat(POSTMAN.awaitSent(task).json().path("failures").asInt()).isZero();
        assertThat(BOX.mailsOf(task)).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"CONNECT", "RCPT", "ACCEPTED"})
    void a_server_that_does_not_answer_is_left_and_asked_again(String moment) {
        AtomicInteger times = new AtomicInteger();
        PROXY.does((now, line) ->
                now.equals(moment) && times.incrementAndGet() == 1 ? SmtpProxy.Deed.HANG : SmtpProxy.Deed.PASS);

        String task = POSTMAN.sendPlain();

        assertThat(POSTMAN.awaitFailed(task)).isEqualTo("the mail server did not take the mail: no answer in time");
        POSTMAN.awaitSent(task);
        assertThat(BOX.mailsOf(task)).isNotEmpty();
    }

    @Test
    void no_connection_to_the_database_is_held_while_the_server_answers() {
        PROXY.does((moment, line) -> moment.equals("DATA") ? SmtpProxy.Deed.HANG : SmtpProxy.Deed.PASS);
        int before = PROXY.commands().size();
        List<String> tasks = List.of(POSTMAN.sendPlain(), POSTMAN.sendPlain());
        await().until(() ->
                PROXY.commands().stream().skip(before).filter("DATA"::equals).count() == tasks.size());

        assertThat(POSTMAN.application()
                        .sql()
                        .queryForObject(
                                "select count(*) from pg_stat_activity where usename = 'postrider_tenant_login' and state = 'idle in transaction'",
                                Integer.class))
                .isZero();

        PROXY.does((moment, line) -> SmtpProxy.Deed.PASS);
        tasks.forEach(POSTMAN::awaitSent);
    }

    private static void cutOnce(String moment) {
        AtomicInteger times = new AtomicInteger();
        PROXY.does((now, line) ->
                now.equals(moment) && times.incrementAndGet() == 1 ? SmtpProxy.Deed.CUT : SmtpProxy.Deed.PASS);
    }

    private static Set<String> arrived() {
        Set<String> ids = new HashSet<>();
        BOX.mails().forEach(mail -> ids.add(MailBox.header(mail, "Idempotency-Key")));
        return ids;
    }
}
