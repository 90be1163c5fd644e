"""The same in other languages: what providers outside the English-speaking world answer. Rows.

Patterns are compared without accents (``evidence.words_of``). Receivers such as Orange add the same in
English; the English rows decide first.
"""

from __future__ import annotations

from fluenzr_smtp.classify.evidence import AUTH, MESSAGE, SENDER, TRANSACTION, TextRow, fails, says
from fluenzr_smtp.problems import ProblemCode, Stage

_NOT_AUTH = frozenset(Stage) - AUTH

LANGUAGES: tuple[TextRow, ...] = (
    *says(
        ProblemCode.TLS_REQUIRED,
        r"(?:starttls|tls|ssl|chiffrement|cifrado|criptografia|verschlusselung"
        r"|шифрование)\b.{0,30}(?:requis|obligatoire"
        r"|necessaire|obrigatori|requerid|necesari|erforderlich|notig|требуется|обязател)",
        r"(?:需要|必须|必須|必要).{0,12}(?:ssl|tls|加密|暗号)|(?:ssl|tls|加密|暗号).{0,12}(?:需要|必须|必須"
        r"|必要)",
    ),
    *says(
        ProblemCode.AUTH_APP_PASSWORD_REQUIRED,
        r"mot de passe (?:d'application|specifique)|senha de (?:app|aplicativo)|contrasena de aplicacion"
        r"|(?:anwendungs|app-?)(?:spezifisches )?pass?wort|парол\w+ (?:для )?(?:внешн\w+ )?приложени|授权码"
        r"|授權碼|独立密码"
        r"|专用密码|アプリ ?パスワード",
    ),
    *says(
        ProblemCode.AUTH_VERIFICATION_REQUIRED,
        r"подтвердите (?:телефон|аккаунт|номер)|验证(?:您的|你的)?(?:账|帐|手机)|本人確認",
    ),
    *says(
        ProblemCode.AUTH_TOO_MANY_LOGINS,
        r"trop de (?:tentatives|connexions)|demasiad[oa]s (?:intentos|conexiones)|muitas (?:tentativas"
        r"|conexoes)"
        r"|zu viele (?:anmelde|login|verbindung|fehl)|слишком много (?:попыток|соединений|подключений)"
        r"|登录(?:过于|太)频繁"
        r"|尝试次数|試行回数|ログイン回数",
        stages=AUTH,
    ),
    *says(
        ProblemCode.AUTH_ACCOUNT_BLOCKED,
        r"compte .{0,20}(?:bloque|suspendu|desactive|verrouille)|cuenta .{0,20}(?:bloquead|suspendid"
        r"|deshabilit|desactiv)"
        r"|conta .{0,20}(?:bloquead|suspens|desativad)|(?:konto|postfach) .{0,20}(?:gesperrt|deaktiviert"
        r"|blockiert)"
        r"|(?:аккаунт|ящик|учетн\w+ запис\w+|пользовател\w+) .{0,20}(?:заблокирован|отключен)"
        r"|(?:账号|帐号|账户|帐户|用户).{0,12}(?:锁定|冻结|停用|禁用|封)|アカウント.{0,12}(?:停止|ロック"
        r"|無効)",
        stages=AUTH,
    ),
    *says(
        ProblemCode.AUTH_REJECTED,
        r"(?:authentification|identification|connexion) .{0,20}(?:echou|invalide|incorrect|refuse|erron)"
        r"|codes? d'? ?authentification invalide|(?:identifiant|mot de passe).{0,30}(?:incorrect|invalide"
        r"|errone)",
        r"(?:autenticacion|inicio de sesion|autenticacao|login) .{0,12}(?:fallid|fallo|incorrect|falhou"
        r"|invalid)"
        r"|(?:usuario|contrasena|clave|senha).{0,30}(?:incorrect|invalid|erron|errad)",
        r"(?:anmeldung|authentifizierung) .{0,12}(?:fehlgeschlagen|abgelehnt|gescheitert)|(?:passwort"
        r"|kennwort"
        r"|benutzername).{0,30}(?:falsch|ungultig)",
        r"(?:неверн|неправильн)\w+ .{0,12}(?:логин|пароль|имя)|(?:ошибка|сбои) (?:аутентификации"
        r"|авторизации)",
        r"(?:密码|用户名|账号|帐号|口令).{0,8}(?:错误|不正确|有误|不匹配)|(?:认证|验证|登录|身份验证)失败"
        r"|認証(?:に)?失敗"
        r"|(?:パスワード|ユーザー名).{0,12}(?:違|誤|正しくありません|間違)",
    ),
    *says(
        ProblemCode.AUTH_REQUIRED,
        r"authentification (?:requise|necessaire|obligatoire)|autenticacion (?:requerida|necesaria)"
        r"|autenticacao "
        r"(?:necessaria|requerida|obrigatoria)|anmeldung erforderlich|authentifizierung erforderlich"
        r"|требуется (?:аутентификация|авторизация)|(?:请先|需要)(?:登录|认证|身份验证)|認証が必要",
    ),
    *says(
        ProblemCode.SENDER_DOMAIN_AUTH,
        r"verifier la configuration spf|emetteur .{0,20}\bspf\b|sem autenticacao do dominio",
        stages=_NOT_AUTH,
    ),
    *says(
        ProblemCode.GREYLISTED,
        r"liste grise|lista gris|lista cinza|graue liste|серы\w+ списо|灰名单|グレーリスト",
    ),
    *says(
        ProblemCode.IP_BLOCKED,
        r"(?:adresse )?ip (?:source )?.{0,12}(?:bloque|interdit|blackliste|refuse)|liste noire|abus detecte",
        r"(?:direccion )?ip .{0,20}(?:bloquead|rechazad)|lista negra|(?:endereco )?ip .{0,20}(?:bloquead"
        r"|recusad)",
        r"ip-?adresse .{0,20}(?:gesperrt|blockiert|abgelehnt)|schwarze liste|(?:черн\w+|блок) ?-?списо"
        r"|ip[- ]адрес\w* .{0,20}"
        r"заблокирован",
        r"ip.{0,8}(?:被封|被拒|黑名单|限制)|黑名单|ブラックリスト|反垃圾(?:联盟|组织)",
        stages=_NOT_AUTH,
    ),
    *says(
        ProblemCode.LIMIT_REACHED,
        r"trop de (?:messages|connexions|mails|courriels)|(?:limite|quota) d'envoi|nombre (?:maximum"
        r"|maximal) (?:d'envois|de"
        r" messages)",
        r"limite de (?:envio|envios|mensagens|mensajes|emails|correos)|demasiados (?:mensajes|correos)"
        r"|muitas mensagens",
        r"(?:sende|versand)(?:limit|kontingent|grenze)|zu viele (?:nachrichten|mails|verbindungen)"
        r"|tageslimit",
        r"(?:превышен|исчерпан)\w* .{0,12}(?:лимит|квот|количеств)\w* .{0,20}(?:отправ|писем|сообщени)"
        r"|слишком много (?:писем"
        r"|сообщени)",
        r"(?:发送|发信|频率|频繁).{0,10}(?:超过|超出|限制|上限|频繁|过快)|送信(?:数|制限|上限)",
        stages=_NOT_AUTH,
    ),
    *says(
        ProblemCode.MAILBOX_FULL,
        r"(?:boite|messagerie|bal|compte)\b.{0,30}(?:pleine|sature|quota)|(?:buzon|caixa|cuenta"
        r"|casilla) .{0,30}(?:llen[oa]"
        r"|chei[oa]|lotad|excedi)|cuota .{0,12}(?:excedida|superada)|cota (?:excedida|ultrapassada)",
        r"(?:postfach|mailbox|konto|speicher\w*) .{0,20}(?:voll|uberschritten|erschopft)|(?:ящик"
        r"|почтов\w+) .{0,20}переполнен"
        r"|(?:邮箱|信箱|容量|空间).{0,8}(?:已满|满了|不足|超)|(?:メールボックス|容量).{0,10}(?:いっぱい"
        r"|一杯|満|超)"
        r"|casella .{0,10}piena",
        stages=TRANSACTION,
    ),
    *says(
        ProblemCode.MESSAGE_TOO_BIG,
        r"(?:message|mail|courriel|taille) .{0,30}(?:trop (?:gros|grand|volumineux|long)|depasse)"
        r"|(?:mensaje|mensagem|tamano"
        r"|tamanho) .{0,30}(?:demasiado grande|muito grande|excede|supera)|(?:nachricht|mail"
        r"|e-mail) .{0,12}zu gro(?:ss|ß)"
        r"|(?:размер|слишком больш)\w* .{0,30}(?:письм|сообщени|превыша)|(?:邮件|信件|附件).{0,8}(?:过大"
        r"|太大|超过|超出)"
        r"|サイズ.{0,12}(?:超|大き)",
        stages=TRANSACTION,
    ),
    *says(
        ProblemCode.RELAY_DENIED,
        r"relayage (?:interdit|refuse)|relais (?:interdit|refuse)|reenvio (?:no|denegado)|relay (?:negad"
        r"|denegad|verweigert)"
        r"|пересылк\w+ запрещ|релей запрещ|禁止(?:转发|中继)|拒绝中继|中継(?:を)?拒否",
        stages=_NOT_AUTH,
    ),
    *says(
        ProblemCode.SPAM_REFUSED,
        r"pourriel|indesirable|correo no deseado|lixo eletronico|unerwunscht|спам|нежелательн\w+ (?:почт"
        r"|письм)|вирус"
        r"|垃圾邮件|病毒|迷惑メール|ウイルス",
        stages=_NOT_AUTH,
    ),
    *says(
        ProblemCode.SENDER_REFUSED,
        r"(?:emetteur|expediteur) .{0,30}(?:invalide|inconnu|refuse|rejete|non autorise|interdit)"
        r"|(?:remitente|remetente) "
        r".{0,30}(?:invalid|rechazad|no autorizad|desconocid|rejeitad|recusad|nao autorizad|desconhecid)",
        r"absender\w* .{0,30}(?:ungultig|abgelehnt|nicht erlaubt|unbekannt|nicht berechtigt)"
        r"|отправител\w+ .{0,30}(?:отклонен"
        r"|неверн|запрещен|не найден|неизвест)|(?:发件人|发信人|寄件者).{0,10}(?:不|无|拒|错|失败)"
        r"|差出人.{0,10}(?:拒否|無効|不正)",
        stages=SENDER | MESSAGE,
    ),
    *says(
        ProblemCode.RECIPIENT_REFUSED,
        r"(?:destinataire|utilisateur|boite|compte|adresse)s?\b.{0,30}(?:inconnu|invalide|bloque|archive"
        r"|n'existe pas|inexistant"
        r"|desactive|introuvable|refuse)",
        r"(?:destinatario|usuario|cuenta|conta|buzon|caixa|endereco|direccion|utente"
        r"|casella)\b.{0,30}(?:no existe|nao existe"
        r"|desconocid|desconhecid|inexistente|invalid|non esiste|sconosciut|bloquead|inativ|inactiv)"
        r"|no existe (?:dicha|ese)"
        r"|nessun utente",
        r"(?:empfanger|benutzer|postfach|adresse|teilnehmer)\w* .{0,30}(?:unbekannt|existiert nicht"
        r"|ungultig|nicht (?:gefunden"
        r"|vorhanden|bekannt)|abgelehnt|gesperrt)|kein (?:solcher|mailaccount|benutzer)",
        r"(?:получател|пользовател|адресат|ящик|адрес)\w* .{0,30}(?:не (?:найден|существует)|неизвест"
        r"|неверн|заблокирован)|нет "
        r"такого (?:пользовател|адрес|ящик)",
        r"(?:收件人|用户|邮箱|帐号|账号|收信人|地址).{0,10}(?:不存在|无效|错误|未找到|不正确)|(?:宛先"
        r"|受信者|ユーザー|アドレス)"
        r".{0,12}(?:見つかりません|存在しません|不明|無効)",
        stages=TRANSACTION - SENDER,
    ),
    *fails(
        r"service (?:refuse|indisponible|non disponible)|(?:veuillez )?(?:re)?essayer (?:plus tard"
        r"|ulterieurement)|reessayez",
        r"(?:servicio|servico|servidor) .{0,20}(?:no disponible|indisponivel|ocupado|temporalmente)"
        r"|intente(?:lo)? (?:de nuevo )?"
        r"mas tarde|tente (?:novamente )?mais tarde",
        r"(?:dienst|server) .{0,20}(?:nicht (?:verfugbar|erreichbar)|uberlastet)|(?:spater"
        r"|erneut) (?:noch ?mal|erneut|versuchen)",
        r"(?:сервис|сервер|служба) .{0,20}(?:недоступ|занят|перегруж)|(?:попробуйте|повторите) .{0,12}позже",
        r"(?:系统|服务|服务器).{0,8}(?:忙|错误|不可用|繁忙)|稍后(?:再|重)试|しばらく(?:して|経って|たって)"
        r"|後で(?:もう一度|再)",
    ),
    *says(
        ProblemCode.POLICY_REFUSED,
        r"mail (?:rejete|refuse)|message (?:rejete|refuse)|mensaje rechazado|mensagem (?:rejeitada"
        r"|recusada)|nachricht "
        r"abgelehnt|annahme verweigert|(?:письмо|сообщение) (?:отклонено|отвергнуто)|(?:邮件|信件)被(?:拒"
        r"|退)|拒否されました",
        stages=MESSAGE,
    ),
)
