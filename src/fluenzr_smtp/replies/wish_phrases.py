"""What filters write that want to be answered first, and people who want no more mail.

As ``phrases``: patterns for text as ``phrases.plain`` returns it.
"""

from __future__ import annotations

#: What filters that ask to be answered first write.
CHALLENGE = (
    r"zuruckgehalten.{0,200}(?:antworten|bestatig)|(?:antworten|bestatigen) sie .{0,160}(?:zugestellt"
    r"|weitergeleitet)",
    r"(?:only|solely|nur|seulement|apenas|solo) .{0,60}(?:senders?|people|addresses) (?:that )?(?:i"
    r"|we) (?:have )?"
    r"(?:approved|know|authori[sz]ed|whitelisted)",
    r"(?:complete|finish) the (?:sender )?verification|verify themselves before"
    r"|(?:legitimate|genuine|real) sender|list of (?:known|approved|trusted) senders",
    r"(?:in order )?to confirm (?:the|your) (?:sent )?(?:message|e-?mail).{0,40}click",
    r"prouver que vous etes|tira-?teima|captcha|waitlisted|message est (?:bloque|en attente)"
    r"|mensagem seja (?:encaminhada|entregue)",
    r"(?:en attente|held|bloque|retenue?).{0,160}(?:repondez|cliqu|reply|click|livre|remis)"
    r"|pour qu'il soit (?:livre|remis|delivre)",
    r"(?:pour|afin) (?:de |d'|que ).{0,60}(?:livr|remis|delivr|achemin).{0,120}(?:repond|cliqu|confirm)",
    r"(?:confirm|verify) (?:that )?(?:you(?:'re| are)|your(?:self)?|the delivery|delivery|"
    r"this (?:e-?mail|message)|your (?:e-?mail|message|address|identity))"
    r".{0,200}(?:deliver|accept|whitelist|approved? senders?|inbox|human|spam|reach|release)",
    r"(?:approved|allowed|whitelist(?:ed)?|guest) (?:senders?(?: list)?|list)|not (?:yet )?(?:on|"
    r"in) (?:my|the|their) (?:approved|allow|white|safe|guest)",
    r"(?:to|in order to) (?:have|get|release) (?:your |the |this )?(?:e-?mail |"
    r"message )?.{0,60}(?:delivered|released).{0,120}(?:click|reply|confirm|visit|respond)",
    r"(?:click|reply|respond).{0,160}(?:so that|and|for|to (?:have|let|allow)) (?:your |the |"
    r"this )?(?:e-?mail|message).{0,60}(?:deliver|released|go through|get through|reach)",
    r"prove (?:that )?you(?:'re| are) (?:a )?(?:human|person|not a (?:robot|spam))|"
    r"challenge[ /-]response|boxbe|spamarrest|spam arrest|tmda|mailblocks|knowspam|bluebottle",
    r"(?:held|hold|quarantin|waiting).{0,120}(?:until|pending|till) (?:you|your|sender|verification|"
    r"confirm)",
    r"uol antispam|anti-?spam uol|confirm(?:ar|e|acao) (?:o )?(?:envio|remetente|seu (?:e-?mail|"
    r"endereco))|sistema anti-?spam.{0,200}(?:clique|confirm)",
    r"(?:bestatigen|bestatige) sie .{0,80}(?:absender|zustell|nachricht)|(?:cliquez|repondez|"
    r"confirmez).{0,160}(?:message|courriel|mail).{0,60}(?:remis|delivre|transmis|distribue)",
    r"(?:haga clic|responda|confirme).{0,160}(?:mensaje|correo).{0,60}(?:entregad|llegue|recib)|"
    r"(?:clicca|rispond|conferm).{0,160}(?:messaggio|mail).{0,60}(?:consegn|recapit)",
)
CHALLENGE_SUBJECT = (
    r"(?:livrez|delivrez|liberez) votre|verification (?:d'|de l')?expediteur|verificacao de remetente"
    r"|verificacion (?:del|de) remitente|absender(?:verifi|prufung|bestat)|action required\)?$"
    r"|guest list|waitlist",
    r"(?:please )?(?:confirm|verify) (?:your )?(?:e-?mail|message|delivery|that|to deliver)|"
    r"(?:sender )?(?:verification|authentication|confirmation) (?:required|request|needed)",
    r"action required.{0,40}(?:deliver|message|e-?mail)|\[?(?:boxbe|spamarrest|spam arrest|challenge)|"
    r"your (?:e-?mail|message).{0,60}(?:requires|awaiting|needs|pending) (?:verification|confirmation|"
    r"approval)",
    r"anti-?spam|confirm(?:e|ar|acao|ation|ez)|bestatigung erforderlich|are you human|message (?:held|"
    r"waiting)|waiting for (?:your )?(?:confirmation|approval)",
)

#: What is in the addresses of such filters.
FILTER_NAMES = (
    r"challenge|anti-?spam|spam-?blocker|spamarrest|boxbe|tmda|mailinblack|verify-?sender"
    r"|sender-?verif|sendio|spam ?arrest|spam ?lion|knowspam|mailblocks|tira-?teima",
)

#: A wish to be written to no more: the whole subject, and a short text that says so.
UNSUBSCRIBE_SUBJECT = (
    r"(?:re: ?)?(?:please |pls |bitte )?(?:un-?subscribe(?: (?:me|us))?(?: please"
    r"| pls)?(?: from .{1,80})?|remove(?: me)?"
    r"|opt[ -]?out|stop|(?:abmelden|abmeldung|austragen|abbestellen)(?: bitte)?"
    r"|newsletter (?:abbestellen|abmelden"
    r"|kundigen)"
    r"|kundigung newsletter"
    r"|widerspruch (?:gegen|zur?) (?:werbung|werbemails?|direktwerbung|newsletter)"
    r"|desinscription|desabonnement|desabonner|me desinscrire|se desinscrire"
    r"|baja|dar(?:me|se)? de baja"
    r"|cancelar suscripcion|desuscribir(?:me|se)?|descadastr(?:ar|o|e-me)|cancelar (?:inscricao"
    r"|assinatura)|remover"
    r"|sair da lista|disiscri(?:vimi|zione|vermi|viti)|cancellami|rimuovimi|(?:afmelden"
    r"|uitschrijven)(?: nieuwsbrief)?"
    r"|wypisz(?: mnie)?|отписаться"
    r"|отписка|отписать|配信停止(?:希望)?|購読解除|退会|退订|取消订阅|구독 ?취소|सदस्यता (?:समाप्त|रद्द)"
    r"|الغاء الاشتراك)"
    r"(?:[ :](?:me|request|list|newsletter|please|pls|(?=[^ ]{0,200}\d)[0-9a-z|:._-]{4,200}))?[.! ]*$",
)
_LISTS = (
    r"(?:list|mailing|newsletter|database|records?|distribution|e-?mails?|mails|verteiler|datenbank"
    r"|boletin|correos?"
    r"|envios|envois|liste de diffusion|cadastro|contatos|nieuwsbrief|bestand|рассыл|baz[ay])"
)
UNSUBSCRIBE_TEXT = (
    r"^un-?sub[a-z]{0,10}(?: (?:me|pls|plz|please|thanks|thx))*[.! ]*$"
    r"|^(?:please )?un-?subscribe\b(?! rate)",
    r"^(?:por favor,? )?(?:dar(?:me)? de baja|descadastr[a-z]{0,4}|baja)[.! ]*$"
    r"|^(?:graag )?(?:uitschrijven|afmelden)[.! ]*$",
    r"\bun-?subscribe (?:me|us|my|this)\b|\b(?:remove|delete) (?:me|us|my (?:e-?mail|address|name)"
    r"|this (?:e-?mail|address))"
    rf"(?: address)?(?:[.!, ]*$|,? (?:please|now|immediately|asap)[.!, ]*$| (?:from"
    rf"|off) .{{0,40}}{_LISTS})",
    rf"\btake (?:me|us|my (?:e-?mail|address|name)) off .{{0,30}}{_LISTS}|\b(?:want|wish"
    rf"|like) (?:to )?(?:off|out of)"
    rf" .{{0,20}}{_LISTS}|^(?:pls|please) remove[.! ]*$|never (?:write|e-?mail) (?:to )?me again",
    r"(?:i(?:'d| would)? (?:like|want|wish) to|how (?:do|can) i) (?:un-?subscribe|opt[ -]?out[.! ]*$"
    r"|opt[ -]?out (?:of"
    r"|from) (?:your|this|these|all)"
    r" (?:e-?mails|mails|mailings?|list|newsletter))",
    r"stop (?:e-?mailing|mailing|contacting|writing)(?: to)? (?:me|us)\b|stop sending (?:me"
    r"|us)(?:[.! ]*$| .{0,30}"
    r"(?:e-?mails?|mails|newsletters?|spam|messages|this))",
    r"(?:do not|don't) (?:e-?mail|contact|write|mail)(?: to)? (?:me|us) ?(?:any ?more|again"
    r"|any ?longer)(?! (?:before|until))"
    r"|(?:do not|don't) send (?:me|us) (?:any ?more|any further) (?:e-?mails?|mails|newsletters?"
    r"|messages|offers)",
    rf"no longer (?:wish|want) to (?:receive|get) .{{0,40}}{_LISTS}|no longer (?:wish"
    rf"|want) to be (?:contacted|on your)"
    r"|not interested.{0,40}(?:remove|stop|unsubscribe)",
    rf"(?:tragen|nehmen|streichen|loschen) sie (?:mich|uns|meine (?:adresse|e-?mail)).{{0,40}}{_LISTS}"
    rf"|^bitte (?:austragen|abmelden)[.! ]*$",
    rf"(?:tragen|nehmen) sie mich (?:bitte )?(?:aus|raus)[.! ]|(?:melden|melde) (?:sie )?(?:mich"
    rf"|uns) (?:bitte )?(?:vom|von) .{{0,30}}{_LISTS}",
    r"(?:newsletter|verteiler|mailingliste).{0,40}(?:abmelden|abbestellen|abzumelden)"
    r"|(?:abmelden|abbestellen|austragen).{0,40}(?:newsletter|verteiler|mailingliste)"
    r"|schreiben sie mir (?:bitte )?nicht mehr",
    rf"^bitte .{{0,20}}(?:aus|von|vom) .{{0,40}}{_LISTS}.{{0,20}}(?:austragen|abmelden|loschen|entfernen"
    r"|streichen)|widerspr(?:eche|uch) .{0,120}(?:werbezweck|werbung|werbliche|direktwerbung|newsletter)",
    rf"\bmich (?:bitte )?(?:aus|von|vom) .{{0,40}}{_LISTS}.{{0,30}}(?:austragen|abmelden|loschen"
    rf"|entfernen|streichen)",
    r"keine (?:weiteren )?(?:e-?mails|mails|newsletter|werbung|nachrichten)(?: von ihnen)? (?:mehr"
    r"|erhalten|bekommen)",
    r"(?:me|nous) (?:desinscrire|desabonner)|(?:me|nous) retirer d|(?:desinscri"
    r"|desabonn)[a-z]{1,4}[ -](?:moi|nous)\b",
    rf"(?:retirez|supprimez|enlevez)[ -](?:moi|nous|mon (?:adresse|e-?mail|nom))\b|ne (?:souhaite|veux"
    rf"|desire) plus recevoir"
    rf" (?:(?:de|vos|ces|cette|votre|aucun) .{{0,30}}(?:{_LISTS}|messages?|courriels?|publicites?)"
    rf"|quoi que)|plus etre contact",
    r"(?:dar(?:me|nos)|denme|deme|dar) de baja|(?:cancelar|anular) (?:mi|la|nuestra) suscripcion(?! al)"
    rf"|no (?:quiero|deseo) (?:recibir|seguir recibiendo) .{{0,30}}(?:{_LISTS}|mensajes|publicidad)",
    r"(?:borrarme|eliminarme|quitarme|borrenme|eliminenme|quitenme) de|(?:eliminen?|borren?"
    r"|quiten?) mi (?:correo|direccion|e-?mail)",
    r"(?:me )?tir(?:a|e|em)(?:-me| me)? d(?:essa|esta|a|as|esse|este) (?:lista|mailing)"
    r"|tir[ae]m? meu (?:e-?mail|nome)",
    rf"(?:remov(?:a|am|er)|(?:descadastr|exclu)[a-z]{{1,4}})[ -](?:me\b|(?:o )?(?:meu|nosso|este) e-?mail)"
    rf"|\bme (?:remov|descadastr|exclu)[a-z]{{1,4}}\b"
    rf"|par(?:e|em|a) de (?:me )?(?:enviar|mandar) .{{0,20}}(?:{_LISTS}|mensage)",
    rf"nao (?:quero|desejo) (?:mais )?receber .{{0,30}}(?:{_LISTS}|mensage|propaganda|promoc"
    rf"|publicidade|campanha|ofertas|comunicac|informac)|cancel(?:ar|em"
    rf"|e) (?:a )?(?:minha|nossa) (?:inscricao|assinatura)",
    r"cancellatemi|cancellami|rimuovetemi|rimuovimi|disiscriv|toglietemi|cancellate (?:il mio|la mia)"
    rf"|non (?:desidero|voglio|vorrei) piu ricevere .{{0,30}}(?:{_LISTS}|messaggi|comunicazioni)",
    r"(?:meld|schrijf) (?:mij|me|ons) (?:a\.?u\.?b\.? )?(?:af|uit)\b|verwijder (?:mij|me"
    r"|mijn (?:adres|e-?mail))"
    r"|mijn (?:adres|e-?mail)(?:adres)? (?:te )?verwijderen"
    r"|(?:afmelden|uitschrijven) (?:voor|van|uit) .{0,30}(?:nieuwsbrief|mail|lijst)|geen (?:mails"
    r"|e-?mails|nieuwsbrieven) meer",
    r"(?:wypisa|wypisz(?: mnie)?|usun|wykresl)[a-z]{0,4} (?:mnie|moj (?:adres|e-?mail))"
    r"|prosze (?:o )?(?:wypis"
    r"|usuniecie (?:mnie|mojego))",
    r"avregistrera mig|ta bort (?:mig|min)|afmeld mig|отпишите|удалите (?:меня|мой (?:адрес|e-?mail"
    r"|имейл))|не (?:присылайте|пишите) (?:мне|больше)",
    r"(?:beni|listeden|adresimi) .{0,30}(?:cikar|sil)|aboneligimi (?:iptal|sonlandir)|artik (?:mail"
    r"|e-posta) .{0,20}istemiyorum",
    r"配信(?:を)?停止|配信(?:を)?(?:止め|やめ)|購読(?:を)?(?:解除|中止)|メール(?:を"
    r"|は)?(?:もう)?(?:送らないで|不要)|الغاء الاشتراك",
    r"^(?:请)?退订[。!！. ]*$|退订(?:邮件|列表|订阅)|取消订阅|不要再(?:发|寄)|수신 ?거부|구독 ?취소"
    r"|मुझे (?:सूची|लिस्ट).{0,20}(?:हटा|निकाल)|सदस्यता (?:समाप्त|रद्द)",
)
