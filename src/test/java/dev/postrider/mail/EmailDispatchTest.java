package dev.postrider.mail;

import static dev.postrider.mail.Postman.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.testkit.Guide;
import jakarta.mail.Multipart;
import jakarta.mail.Part;
import jakarta.mail.internet.MimeMessage;
import jakarta.mail.internet.MimeUtility;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the payload of {@code email-dispatch} becomes at a real mail server, and what becomes of a payload that cannot be sent. */
class EmailDispatchTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final MailBox BOX = MailBox.open();
    private static final SmtpProxy PROXY = SmtpProxy.to(BOX.port());
    private static final Postman POSTMAN = Postman.through(
            PROXY.port(),
            "postrider.mail.security=none",
            "postrider.mail.attachments=100KB",
            "postrider.mail.sender-domains=tenant.example");

    @AfterAll
    static void stop() {
        POSTMAN.close();
        PROXY.close();
        BOX.close();
    }

    @AfterEach
    void behave() {
        PROXY.does((moment, line) -> SmtpProxy.Deed.PASS);
    }

    @Test
    void a_mail_with_text_html_and_attachments_arrives_in_the_structure_that_mail_programs_want() throws Exception {
        byte[] bytes = {0, 1, 2, (byte) 0xff, '\r', '\n', '.', '\r', '\n', 0};
        POSTMAN.asset("reports/Übersicht.bin", "application/x-thing", bytes);
        UUID table = POSTMAN.asset("table.csv", "text/csv", "a,b\nä,ö\r\n".getBytes(StandardCharsets.UTF_8));

        String task = POSTMAN.send(Map.of(
                "to", List.of("Ada Lövelace <ada@example.com>", "bob@example.com"),
                "cc", "cid@example.com",
                "bcc", "dora@example.com",
                "replyTo", "help@example.com",
                "subject", "Zahlen für März",
                "text", "Grüße\n.\n..end",
                "html", "<p>Grüße</p>",
                "attachments", List.of("reports/Übersicht.bin", table.toString())));
        POSTMAN.awaitSent(task);

        List<MimeMessage> mails = BOX.mailsOf(task);
        assertThat(mails).hasSize(4);
        MimeMessage mail = mails.get(0);
        assertThat(structure(mail))
                .isEqualTo("multipart/mixed[multipart/alternative[text/plain,text/html],application/x-thing,text/csv]");
        assertThat(mail.getSubject()).isEqualTo("Zahlen für März");
        assertThat(mail.getFrom()[0]).asString().contains("no-reply@sender.example");
        assertThat(mail.getReplyTo()[0]).asString().contains("help@example.com");
        assertThat(mail.getHeader("To", ",")).contains("=?UTF-8?").contains("<ada@example.com>", "bob@example.com");
        assertThat(mail.getHeader("Cc", ",")).isEqualTo("cid@example.com");
        assertThat(mails).allSatisfy(one -> assertThat(one.getHeader("Bcc")).isNull());
        assertThat(mail.getMessageID()).isEqualTo("<" + task + "@sender.example>");
        assertThat(MailBox.header(mail, "Auto-Submitted")).isEqualTo("auto-generated");
        List<Part> parts = leaves(mail);
        assertThat(text(parts.get(0))).isEqualTo("Grüße\r\n.\r\n..end");
        assertThat(text(parts.get(1))).isEqualTo("<p>Grüße</p>");
        assertThat(parts.get(2).getInputStream().readAllBytes()).isEqualTo(bytes);
        assertThat(MimeUtility.decodeText(parts.get(2).getFileName())).isEqualTo("Übersicht.bin");
        assertThat(parts.get(2).getDisposition()).isEqualTo("attachment");
        assertThat(parts.get(3).getInputStream().readAllBytes())
                .isEqualTo("a,b\nä,ö\r\n".getBytes(StandardCharsets.UTF_8));
        assertThat(parts.get(3).getFileName()).isEqualTo("table.csv");
    }

    @Test
    void the_payloads_of_the_guide_are_mails() {
        POSTMAN.asset("invoice-7.pdf", "application/pdf", new byte[] {1});
        List<String> payloads = Guide.blocks("mail.md", "json");
        assertThat(payloads).hasSize(2);
        for (String payload : payloads) {
            String task = POSTMAN.application().enqueue("email-dispatch", payload);
            POSTMAN.awaitSent(task);
            assertThat(BOX.mailsOf(task)).isNotEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({"text, text/plain", "html, text/html"})
    void a_mail_of_one_part_is_that_part(String field, String type) throws Exception {
        String task = POSTMAN.send(Map.of("to", "ada@example.com", "subject", "Hello", field, "Hello Ada"));
        POSTMAN.awaitSent(task);

        assertThat(structure(BOX.mailsOf(task).get(0))).isEqualTo(type);
    }

    @Test
    void a_payloads_own_sender_is_the_senders_of_header_envelope_and_message_id() throws Exception {
        String task = POSTMAN.send(Map.of(
                "from",
                "Tenant <hello@tenant.example>",
                "bcc",
                "ada@example.com",
                "subject",
                "Hello",
                "text",
                "Hello"));
        POSTMAN.awaitSent(task);

        assertThat(BOX.mailsOf(task)).singleElement().satisfies(mail -> {
            assertThat(mail.getFrom()[0]).asString().contains("Tenant <hello@tenant.example>");
            assertThat(mail.getMessageID()).isEqualTo("<" + task + "@tenant.example>");
        });
        assertThat(PROXY.commands()).contains("MAIL FROM:<hello@tenant.example>");
    }

    @Test
    void no_line_of_a_mail_is_longer_than_servers_take() throws Exception {
        POSTMAN.asset("ü".repeat(400) + ".pdf", "application/pdf", new byte[] {1});
        String task = POSTMAN.send(Map.of(
                "to",
                "ada@example.com",
                "subject",
                "s".repeat(900),
                "text",
                "Hello",
                "attachments",
                "ü".repeat(400) + ".pdf"));
        POSTMAN.awaitSent(task);

        ByteArrayOutputStream mail = new ByteArrayOutputStream();
        BOX.mailsOf(task).get(0).writeTo(mail);
        assertThat(mail.toString(StandardCharsets.US_ASCII).lines()).allMatch(line -> line.length() <= 998);
        assertThat(leaves(BOX.mailsOf(task).get(0)).get(1).getFileName()).endsWith("ü.pdf");
    }

    @Test
    void a_template_that_makes_nothing_is_not_sent() {
        POSTMAN.asset("mail/emptied.text.mustache", "text/plain", " \n".getBytes(StandardCharsets.UTF_8));

        assertThat(POSTMAN.awaitDead(
                        POSTMAN.send(Map.of("to", "ada@example.com", "subject", "Hello", "template", "emptied"))))
                .isEqualTo("template: mail/emptied.text.mustache makes an empty text");
    }

    @Test
    void words_that_look_like_the_end_of_a_mail_are_words() throws Exception {
        String text = "a\n.\nMAIL FROM:<spy@x.example>\r\n.\r\nDATA\r.\r\n..\nend";

        String task = POSTMAN.send(Map.of("to", "ada@example.com", "subject", "Hello", "text", text));
        POSTMAN.awaitSent(task);

        assertThat(BOX.mailsOf(task)).hasSize(1);
        assertThat(text(BOX.mailsOf(task).get(0)).lines())
                .containsExactly("a", ".", "MAIL FROM:<spy@x.example>", ".", "DATA", ".", "..", "end");
        assertThat(PROXY.commands()).noneMatch(command -> command.contains("spy@"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "text/plain; charset=utf-8 | text/plain",
                "text/plain; charset | application/octet-stream",
                "nonsense | application/octet-stream",
                "multipart/mixed; boundary=x | application/octet-stream",
                "Message/RFC822 | application/octet-stream"
            })
    void whatever_an_asset_is_called_and_of_it_becomes_one_attachment(String mediaType, String type) throws Exception {
        byte[] content = "--x\n\nsecond\n--x--".getBytes(StandardCharsets.UTF_8);
        UUID asset = POSTMAN.asset("x/\r\nX-Evil: 1\r\n\r\n" + UUID.randomUUID() + "\".txt", mediaType, content);

        String task = POSTMAN.send(mail("attachments", asset.toString()));
        POSTMAN.awaitSent(task);

        MimeMessage mail = BOX.mailsOf(task).get(0);
        assertThat(structure(mail)).isEqualTo("multipart/mixed[text/plain,%s]".formatted(type));
        Part part = leaves(mail).get(1);
        assertThat(part.getHeader("X-Evil")).isNull();
        assertThat(part.getInputStream().readAllBytes()).isEqualTo(content);
    }

    @Test
    void a_template_is_filled_with_the_data_and_only_its_html_is_escaped() throws Exception {
        String task = POSTMAN.send(Map.of(
                "to", "ada@example.com",
                "template", "report-ready",
                "data", Map.of("name", "Ada & <Bob>", "report", "März", "url", "https://example.com/?a=1&b=2")));
        POSTMAN.awaitSent(task);

        MimeMessage mail = BOX.mailsOf(task).get(0);
        assertThat(structure(mail)).isEqualTo("multipart/alternative[text/plain,text/html]");
        assertThat(mail.getSubject()).isEqualTo("Your report März is ready");
        assertThat(text(leaves(mail).get(0))).startsWith("Hello Ada & <Bob>,").contains("?a=1&b=2");
        assertThat(text(leaves(mail).get(1)))
                .contains("Hello Ada &amp; &lt;Bob&gt;,")
                .contains("?a&#x3D;1&amp;b&#x3D;2")
                .doesNotContain("<Bob>");
    }

    @Test
    void a_workspaces_own_template_goes_before_that_of_the_folder_and_that_before_the_packaged_one() throws Exception {
        UUID workspace = POSTMAN.application().newWorkspace();
        String key = POSTMAN.application().newKey(workspace);
        String payload = """
                {"taskType": "email-dispatch", "payload": {"to": "ada@example.com", "template": "report-ready", "data": {"name": "Ada", "report": "May"}}}
                """;
        POSTMAN.asset(
                workspace,
                "mail/report-ready.text.mustache",
                "text/plain",
                "own words for {{name}}".getBytes(StandardCharsets.UTF_8));
        POSTMAN.application().putRoute("mail/report-ready.subject.mustache", "{{report}} of the folder\n");
        try {
            String task = POSTMAN.application()
                    .send(key, "POST", "/v1/tasks", payload)
                    .text("/taskId");
            await().until(() -> !BOX.mailsOf(task).isEmpty());

            MimeMessage mail = BOX.mailsOf(task).get(0);
            assertThat(text(leaves(mail).get(0))).isEqualTo("own words for Ada");
            assertThat(text(leaves(mail).get(1))).contains("your report <strong>May</strong> is ready");
            assertThat(mail.getSubject()).isEqualTo("May of the folder");
        } finally {
            POSTMAN.application().removeRoute("mail/report-ready.subject.mustache");
        }
        String others = POSTMAN.send(Map.of(
                "to", "ada@example.com", "template", "report-ready", "data", Map.of("name", "Ada", "report", "May")));
        POSTMAN.awaitSent(others);
        assertThat(text(leaves(BOX.mailsOf(others).get(0)).get(0))).doesNotContain("own words");
    }

    @Test
    void an_asset_of_another_workspace_is_not_there_by_name_or_id() {
        UUID other = POSTMAN.application().newWorkspace();
        UUID asset = POSTMAN.asset(other, "contract.pdf", "application/pdf", new byte[] {1});

        for (String wanted : List.of("contract.pdf", asset.toString())) {
            assertThat(POSTMAN.awaitDead(POSTMAN.send(mail("attachments", wanted))))
                    .isEqualTo("attachments: the workspace has no asset " + wanted);
        }
    }

    @Test
    void a_deleted_asset_is_not_there() {
        UUID asset = POSTMAN.asset("old.pdf", "application/pdf", new byte[] {1});
        POSTMAN.application()
                .sql()
                .update("update postrider.workspace_assets set deleted_at = now() where asset_id = ?", asset);

        assertThat(POSTMAN.awaitDead(POSTMAN.send(mail("attachments", asset.toString()))))
                .contains("has no asset " + asset);
    }

    @Test
    void attachments_that_are_too_large_together_are_refused_and_those_that_just_fit_are_sent() {
        POSTMAN.asset("half.bin", "application/octet-stream", new byte[50 * 1024]);
        POSTMAN.asset("more.bin", "application/octet-stream", new byte[50 * 1024 + 1]);

        POSTMAN.awaitSent(POSTMAN.send(mail("attachments", List.of("half.bin", "half.bin"))));
        assertThat(POSTMAN.awaitDead(POSTMAN.send(mail("attachments", List.of("half.bin", "more.bin")))))
                .isEqualTo("attachments: together they have 102401 bytes, more than the 102400 that the setting "
                        + "postrider.mail.attachments allows");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'subject': 'a', 'text': 'b'} | to: no recipient is given",
                "{'to': [], 'subject': 'a', 'text': 'b'} | to: no recipient is given",
                "{'to': 'nobody', 'subject': 'a', 'text': 'b'} | to is no address: nobody",
                "{'to': 'a@b@c', 'subject': 'a', 'text': 'b'} | to is no address: a@b@c",
                "{'to': 'a@b.example, c@d.example', 'subject': 'a', 'text': 'b'} | to is no address",
                "{'to': 'all: a@b.example;', 'subject': 'a', 'text': 'b'} | to is no address",
                "{'to': 7, 'subject': 'a', 'text': 'b'} | to is one text, or a list of texts",
                "{'to': 'a@bücher.example', 'subject': 'a', 'text': 'b'} | to has letters outside of ASCII",
                "{'to': 'a@b.example\\r\\nBcc: spy@x.example', 'subject': 'a', 'text': 'b'} | to holds a line break",
                "{'to': '\"x\\ny\" <a@b.example>', 'subject': 'a', 'text': 'b'} | to holds a line break",
                "{'to': 'a@b.example', 'cc': 'c@d\\u000d\\u000aRCPT TO:<e@f>', 'subject': 'a', 'text': 'b'} | cc holds a line break",
                "{'to': 'a@b.example', 'from': 'x@y.example\\nX: y', 'subject': 'a', 'text': 'b'} | from holds a line break",
                "{'to': 'a@b.example', 'from': 'boss@bank.example', 'subject': 'a', 'text': 'b'} | from: the domain bank.example is not",
                "{'to': '\"=?utf-8?q?x=0D=0ABcc:_spy?=\" <a@b.example>', 'subject': 'a', 'text': 'b'} | to holds a line break",
                "{'to': 'a@b.example', 'from': ['x@y.example'], 'subject': 'a', 'text': 'b'} | from is one address",
                "{'to': 'a@b.example', 'replyTo': '', 'subject': 'a', 'text': 'b'} | replyTo is no address",
                "{'to': 'a@b.example', 'subject': 'a\\r\\nBcc: spy@x.example', 'text': 'b'} | subject holds a line break",
                "{'to': 'a@b.example', 'subject': 'a\\nb', 'text': 'b'} | subject holds a line break",
                "{'to': 'a@b.example', 'text': 'b'} | subject is missing",
                "{'to': 'a@b.example', 'subject': 'a'} | text: the mail is empty",
                "{'to': 'a@b.example', 'subject': 1, 'text': 'b'} | subject is no text",
                "{'to': 'a@b.example', 'subject': 'a', 'text': 'b', 'attachment': ['c']} | attachment is no field of a mail",
                "{'to': 'a@b.example', 'subject': 'a', 'text': 'b', 'data': {}} | data is for a template",
                "{'to': 'a@b.example', 'text': 'b', 'template': 'report-ready'} | template: give either a template, or",
                "{'to': 'a@b.example', 'template': 'nothing-like-it'} | template: there is none of the name nothing-like-it",
                "{'to': 'a@b.example', 'template': '../../application'} | template is a name of letters",
                "{'to': 'a@b.example', 'template': 'report-ready.text'} | template is a name of letters",
                "{'to': 'a@b.example', 'template': 'report-ready', 'data': []} | data is no object",
                "{'to': 'a@b.example', 'template': 'report-ready', 'data': {'report': 'x'}} | data: there is no value for 'name' of mail/report-ready.text.mustache, line 1",
                "{'to': 'a@b.example', 'template': 'report-ready', 'data': {'report': 'x\\nBcc: spy@x.example', 'name': 'a'}} | data: the subject holds a line break"
            })
    void a_payload_that_cannot_be_sent_is_a_dead_letter_at_once_whose_reason_names_the_field(
            String payload, String reason) throws Exception {
        int before = PROXY.commands().size();
        String task = POSTMAN.application().enqueue("email-dispatch", json(payload));

        assertThat(POSTMAN.awaitDead(task)).startsWith(reason);
        assertThat(POSTMAN.application()
                        .call("GET", "/v1/tasks/" + task, null)
                        .json()
                        .path("failures")
                        .asInt())
                .isEqualTo(1);
        assertThat(PROXY.commands()).as("nothing is sent").hasSize(before);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "RCPT | 550 5.1.1 No such user here | the mail server refused the recipient ada@example.com: 550 5.1.1 No such user here",
                "MAIL | 553 5.7.1 Sender not allowed | the mail server refused the sender: 553 5.7.1 Sender not allowed",
                "DATA | 554 5.7.0 No mail today | the mail server refused the mail: 554 5.7.0 No mail today",
                "ACCEPTED | 554 5.7.1 Looks like spam | the mail server refused the mail: 554 5.7.1 Looks like spam"
            })
    void what_the_server_refuses_for_good_is_a_dead_letter_at_once_with_its_words(
            String moment, String answer, String reason) {
        PROXY.does(answering(moment, answer));

        String task = POSTMAN.sendPlain();

        assertThat(POSTMAN.awaitDead(task)).isEqualTo(reason);
        assertThat(POSTMAN.application()
                        .sql()
                        .queryForObject(
                                "select failure_count from postrider.dead_letters where task_id = ?::uuid",
                                Integer.class,
                                task))
                .isEqualTo(1);
    }

    @Test
    void a_dead_letter_is_sent_when_it_is_replayed_after_what_was_wrong_is_mended() throws Exception {
        String task = POSTMAN.send(mail("attachments", "late.pdf"));
        POSTMAN.awaitDead(task);
        POSTMAN.asset("late.pdf", "application/pdf", new byte[] {1});
        String letter = POSTMAN.application()
                .sql()
                .queryForObject(
                        "select dead_letter_id from postrider.dead_letters where task_id = ?::uuid",
                        String.class,
                        task);

        POSTMAN.application()
                .call("POST", "/v1/dead-letters/" + letter + "/replay", "{\"reason\": \"it is there now\"}");

        POSTMAN.awaitSent(task);
        assertThat(BOX.mailsOf(task))
                .singleElement()
                .satisfies(mail -> assertThat(mail.getMessageID()).isEqualTo("<" + task + "@sender.example>"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "CONNECT | 421 4.3.2 Come back later | 421 4.3.2 Come back later",
                "CONNECT | 554 5.3.2 No mail here | 554 5.3.2 No mail here",
                "MAIL | 530 5.7.0 Log in first | sender for now: 530 5.7.0 Log in first",
                "MAIL | 503 5.5.1 Say EHLO first | sender for now: 503 5.5.1 Say EHLO first",
                "RCPT | 504 5.5.2 Helo command rejected | recipient ada@example.com for now: 504 5.5.2 Helo command rejected",
                "RCPT | 450 4.2.0 Greylisted | recipient ada@example.com for now: 450 4.2.0 Greylisted",
                "DATA | 451 4.3.0 Disk is full | mail for now: 451 4.3.0 Disk is full",
                "ACCEPTED | 452 4.3.1 Disk is full | mail for now: 452 4.3.1 Disk is full"
            })
    void what_the_server_puts_off_is_tried_again_and_says_why(String moment, String answer, String reason) {
        AtomicInteger times = new AtomicInteger();
        PROXY.does((now, line) -> now.equals(moment) && times.incrementAndGet() <= 2
                ? SmtpProxy.Deed.answer(answer)
                : SmtpProxy.Deed.PASS);

        String task = POSTMAN.sendPlain();

        assertThat(POSTMAN.awaitSent(task).json().path("failures").asInt()).isEqualTo(2);
        assertThat(POSTMAN.application().call("GET", "/v1/tasks/" + task, null).text("/lastError"))
                .startsWith("the mail server did not take the ")
                .endsWith(reason);
        assertThat(BOX.mailsOf(task)).isNotEmpty();
    }

    @Test
    void nobody_gets_a_mail_of_which_one_recipient_is_refused() {
        PROXY.does((moment, line) ->
                line.contains("bob@") ? SmtpProxy.Deed.answer("550 5.1.1 No such user") : SmtpProxy.Deed.PASS);

        String task = POSTMAN.send(Map.of(
                "to", List.of("ada@example.com", "bob@example.com", "cid@example.com"), "subject", "a", "text", "b"));

        assertThat(POSTMAN.awaitDead(task)).contains("the recipient bob@example.com: 550");
        assertThat(BOX.mailsOf(task)).isEmpty();
    }

    private static SmtpProxy.Conduct answering(String moment, String answer) {
        return (now, line) -> now.equals(moment) ? SmtpProxy.Deed.answer(answer) : SmtpProxy.Deed.PASS;
    }

    private static Map<String, Object> mail(String field, Object value) {
        return Map.of("to", "ada@example.com", "subject", "Hello", "text", "Hello", field, value);
    }

    /** JSON that is written with single quotes, and so with escapes of its own. */
    private static String json(String payload) throws Exception {
        return JSON.writeValueAsString(
                JSON.readValue(payload.replace("\"", "\\\"").replace('\'', '"'), new TypeReference<>() {}));
    }

    private static String text(Part part) throws Exception {
        return ((String) part.getContent()).stripTrailing();
    }

    private static List<Part> leaves(Part part) throws Exception {
        if (!(part.getContent() instanceof Multipart parts)) {
            return List.of(part);
        }
        List<Part> leaves = new ArrayList<>();
        for (int i = 0; i < parts.getCount(); i++) {
            leaves.addAll(leaves(parts.getBodyPart(i)));
        }
        return leaves;
    }

    private static String structure(Part part) throws Exception {
        String type = part.getContentType().split(";")[0];
        if (!(part.getContent() instanceof Multipart parts)) {
            return type;
        }
        String[] inner = new String[parts.getCount()];
        for (int i = 0; i < inner.length; i++) {
            inner[i] = structure(parts.getBodyPart(i));
        }
        return type + Arrays.toString(inner).replace(", ", ",");
    }
}
