package dev.postrider.mail;

import com.icegreen.greenmail.imap.ImapHostManager;
import com.icegreen.greenmail.util.GreenMail;
import com.icegreen.greenmail.util.ServerSetup;
import jakarta.mail.MessagingException;
import jakarta.mail.internet.MimeMessage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A real mail server, which can be killed and started again on its port: what it has taken stays. */
final class MailBox implements AutoCloseable {

    private final List<MimeMessage> before = new ArrayList<>();
    private final int port;
    private GreenMail server;

    private MailBox(GreenMail server) {
        this.server = server;
        this.port = server.getSmtp().getPort();
    }

    static MailBox open() {
        return new MailBox(started(0));
    }

    private static GreenMail started(int port) {
        GreenMail server = new GreenMail(new ServerSetup(port, "127.0.0.1", ServerSetup.PROTOCOL_SMTP));
        server.start();
        return server;
    }

    int port() {
        return port;
    }

    /** Somebody who may log in; the second time with another password. */
    void login(String username, String password) {
        server.setUser(username + "@example.com", username, password);
    }

    synchronized void kill() {
        ImapHostManager kept = server.getManagers().getImapHostManager(); // the server forgets it
        server.stop();
        kept.getAllMessages().forEach(message -> before.add(message.getMimeMessage()));
    }

    synchronized void startAgain() {
        server = started(port);
    }

    /** A copy for each recipient of each mail. */
    synchronized List<MimeMessage> mails() {
        List<MimeMessage> all = new ArrayList<>(before);
        if (server.isRunning()) {
            all.addAll(Arrays.asList(server.getReceivedMessages()));
        }
        return all;
    }

    List<MimeMessage> mailsOf(String task) {
        return mails().stream()
                .filter(mail -> task.equals(header(mail, "Idempotency-Key")))
                .toList();
    }

    /** Null if there is none. */
    static String header(MimeMessage mail, String name) {
        try {
            return mail.getHeader(name, null);
        } catch (MessagingException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        server.stop();
    }
}
