<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>AddTag</name>
    <message>
        <source>Add a tag</source>
        <translation>添加标签</translation>
    </message>
    <message>
        <source>Enter adds what is typed, {first} the first suggestion. {add} comes here from anywhere.</source>
        <translation>回车添加所输入的标签，{first} 添加第一个建议。在页面任何位置按 {add} 即可来到这里。</translation>
    </message>
    <message>
        <source>Put it</source>
        <translation>放在</translation>
    </message>
    <message>
        <source>at the end</source>
        <translation>末尾</translation>
    </message>
    <message>
        <source>at the start</source>
        <translation>开头</translation>
    </message>
    <message>
        <source>at place</source>
        <translation>指定位置</translation>
    </message>
    <message>
        <source>behind the chosen tag</source>
        <translation>所选标签之后</translation>
    </message>
    <message>
        <source>Where the tag goes</source>
        <translation>标签放在哪里</translation>
    </message>
    <message>
        <source>Place of the tag, from 1</source>
        <translation>标签的位置，从 1 开始</translation>
    </message>
</context>
<context>
    <name>AllTags</name>
    <message>
        <source>Look for a tag</source>
        <translation>查找标签</translation>
    </message>
    <message>
        <source>All tags</source>
        <translation>全部标签</translation>
    </message>
    <message>
        <source>frequent</source>
        <translation>最常用</translation>
    </message>
    <message>
        <source>rare</source>
        <translation>最少用</translation>
    </message>
    <message>
        <source>by name</source>
        <translation>按名称</translation>
    </message>
    <message>
        <source>by length</source>
        <translation>按长度</translation>
    </message>
    <message>
        <source>Order of all tags</source>
        <translation>全部标签的排序</translation>
    </message>
    <message>
        <source>Add to the chosen pictures</source>
        <translation>添加到所选图片</translation>
    </message>
</context>
<context>
    <name>AutoTag</name>
    <message>
        <source>Which pictures</source>
        <translation>哪些图片</translation>
    </message>
    <message>
        <source>Tag them</source>
        <translation>开始打标签</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>What was proposed stays</source>
        <translation>已给出的建议会保留</translation>
    </message>
    <message>
        <source>Stop tagging</source>
        <translation>停止打标</translation>
    </message>
    <message>
        <source>Pictures tagged</source>
        <translation>已打标的图片</translation>
    </message>
    <message>
        <source>Accept for the chosen</source>
        <translation>接受所选图片的</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>丢弃</translation>
    </message>
    <message>
        <source>Forget the proposals; captions stay as they are</source>
        <translation>丢掉这些建议；标注保持不变</translation>
    </message>
    <message>
        <source>The tagger is open.</source>
        <translation>打标模型已打开。</translation>
    </message>
    <message>
        <source>There is no picture to tag.</source>
        <translation>没有要打标签的图片。</translation>
    </message>
    <message>
        <source>Opening the tagger ...</source>
        <translation>正在打开打标模型……</translation>
    </message>
    <message>
        <source>{done} of {of} pictures, {rate} a second</source>
        <translation>{of} 张图片中的 {done} 张，每秒 {rate} 张</translation>
    </message>
    <message>
        <source>{tagged} pictures tagged, {untagged} could not be.</source>
        <translation>已打标 {tagged} 张图片，{untagged} 张未能打标。</translation>
    </message>
    <message>
        <source>Accept {count}</source>
        <translation>接受 {count} 张</translation>
    </message>
    <message>
        <source>Accept</source>
        <translation>接受</translation>
    </message>
    <message>
        <source>the chosen ({count})</source>
        <translation>所选的（{count}）</translation>
    </message>
    <message>
        <source>those listed without a caption</source>
        <translation>列出的没有标注的</translation>
    </message>
    <message>
        <source>the listed ({count})</source>
        <translation>列出的（{count}）</translation>
    </message>
</context>
<context>
    <name>Banner</name>
    <message>
        <source>Hide</source>
        <translation>隐藏</translation>
    </message>
    <message>
        <source>Hide this message</source>
        <translation>隐藏这条消息</translation>
    </message>
</context>
<context>
    <name>BatchEdit</name>
    <message>
        <source>What to do</source>
        <translation>要做什么</translation>
    </message>
    <message>
        <source>Which pictures</source>
        <translation>哪些图片</translation>
    </message>
    <message>
        <source>Add tags</source>
        <translation>添加标签</translation>
    </message>
    <message>
        <source>Remove tags</source>
        <translation>移除标签</translation>
    </message>
    <message>
        <source>Rename a tag</source>
        <translation>重命名标签</translation>
    </message>
    <message>
        <source>Replace a tag by others</source>
        <translation>用其他标签替换</translation>
    </message>
    <message>
        <source>Move a tag</source>
        <translation>移动标签</translation>
    </message>
    <message>
        <source>Add implied tags</source>
        <translation>添加隐含的标签</translation>
    </message>
    <message>
        <source>Put a trigger word first</source>
        <translation>触发词放到最前</translation>
    </message>
    <message>
        <source>Remove repeated tags</source>
        <translation>移除重复标签</translation>
    </message>
    <message>
        <source>Sort tags</source>
        <translation>标签排序</translation>
    </message>
    <message>
        <source>Letters</source>
        <translation>大小写</translation>
    </message>
    <message>
        <source>Underscores</source>
        <translation>下划线</translation>
    </message>
    <message>
        <source>Remove rare tags</source>
        <translation>移除少见标签</translation>
    </message>
    <message>
        <source>Text before the caption</source>
        <translation>标注前加文字</translation>
    </message>
    <message>
        <source>Text behind the caption</source>
        <translation>标注后加文字</translation>
    </message>
    <message>
        <source>Convert files to UTF-8</source>
        <translation>文件转为 UTF-8</translation>
    </message>
    <message>
        <source>tags, with commas between</source>
        <translation>标签，用逗号隔开</translation>
    </message>
    <message>
        <source>where</source>
        <translation>位置</translation>
    </message>
    <message>
        <source>old tag</source>
        <translation>原标签</translation>
    </message>
    <message>
        <source>new tag</source>
        <translation>新标签</translation>
    </message>
    <message>
        <source>trigger word</source>
        <translation>触发词</translation>
    </message>
    <message>
        <source>table of implied tags</source>
        <translation>隐含标签的表格</translation>
    </message>
    <message>
        <source>by what</source>
        <translation>排序方式</translation>
    </message>
    <message>
        <source>letters</source>
        <translation>大小写</translation>
    </message>
    <message>
        <source>into what</source>
        <translation>转换方向</translation>
    </message>
    <message>
        <source>in fewer captions than</source>
        <translation>出现的标注少于</translation>
    </message>
    <message>
        <source>text, with its commas and spaces</source>
        <translation>文字，连同逗号和空格</translation>
    </message>
    <message>
        <source>what the files are in now</source>
        <translation>文件现在的编码</translation>
    </message>
    <message>
        <source>at the end</source>
        <translation>放在末尾</translation>
    </message>
    <message>
        <source>at the start</source>
        <translation>放在开头</translation>
    </message>
    <message>
        <source>by name</source>
        <translation>按名称</translation>
    </message>
    <message>
        <source>the most frequent first</source>
        <translation>最常见的在前</translation>
    </message>
    <message>
        <source>the shortest first</source>
        <translation>最短的在前</translation>
    </message>
    <message>
        <source>small letters</source>
        <translation>全部小写</translation>
    </message>
    <message>
        <source>LARGE LETTERS</source>
        <translation>全部大写</translation>
    </message>
    <message>
        <source>Large First Letters</source>
        <translation>首字母大写</translation>
    </message>
    <message>
        <source>to spaces</source>
        <translation>转为空格</translation>
    </message>
    <message>
        <source>from spaces</source>
        <translation>由空格转来</translation>
    </message>
    <message>
        <source>the chosen ({count})</source>
        <translation>选中的（{count}）</translation>
    </message>
    <message>
        <source>the listed ({count})</source>
        <translation>列出的（{count}）</translation>
    </message>
    <message>
        <source>all pictures</source>
        <translation>全部图片</translation>
    </message>
    <message>
        <source>{count} captions would change.</source>
        <translation>{count} 条标注会改动。</translation>
    </message>
    <message>
        <source>No caption would change.</source>
        <translation>没有标注会改动。</translation>
    </message>
    <message>
        <source>Change {count}</source>
        <translation>修改 {count} 条</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>修改</translation>
    </message>
</context>
<context>
    <name>BucketChart</name>
    <message>
        <source>Buckets</source>
        <translation>分桶</translation>
    </message>
    <message>
        <source>No buckets yet.</source>
        <translation>还没有分桶。</translation>
    </message>
    <message>
        <source>samples {samples}, batches {batches}</source>
        <translation>样本 {samples}，批次 {batches}</translation>
    </message>
    <message>
        <source>{count} buckets; the arrow keys go through them</source>
        <translation>{count} 个分桶；用方向键逐个查看</translation>
    </message>
</context>
<context>
    <name>CaptionDesk</name>
    <message>
        <source>Open a folder of pictures first.</source>
        <translation>请先打开图片文件夹。</translation>
    </message>
    <message>
        <source>The captions are still being read; try again in a moment.</source>
        <translation>还在读取标注，请稍后再试。</translation>
    </message>
    <message>
        <source>{sentence} (and {count} more)</source>
        <translation>{sentence}（另有 {count} 处）</translation>
    </message>
    <message>
        <source>All captions are saved.</source>
        <translation>全部标注已保存。</translation>
    </message>
</context>
<context>
    <name>CaptionPanel</name>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>Move to the start</source>
        <translation>移到开头</translation>
    </message>
    <message>
        <source>Move to the end</source>
        <translation>移到末尾</translation>
    </message>
    <message>
        <source>Add to all chosen</source>
        <translation>添加到全部所选图片</translation>
    </message>
    <message>
        <source>{count} pictures chosen</source>
        <translation>已选 {count} 张图片</translation>
    </message>
    <message>
        <source>No picture is chosen</source>
        <translation>未选择图片</translation>
    </message>
    <message>
        <source>The captions are being read.</source>
        <translation>正在读取标注。</translation>
    </message>
    <message>
        <source>Text is shown for one picture at a time.</source>
        <translation>一次只能显示一张图片的文本。</translation>
    </message>
    <message>
        <source>Looking at the captions ...</source>
        <translation>正在查看标注……</translation>
    </message>
    <message>
        <source>and {count} rarer tags</source>
        <translation>另有 {count} 个较少用的标签</translation>
    </message>
    <message>
        <source>No tags yet. Type one below, or press {key} anywhere on the page.</source>
        <translation>还没有标签。请在下面输入，或在页面任何位置按 {key}。</translation>
    </message>
    <message>
        <source>Show the tags as chips</source>
        <translation>以标签块显示</translation>
    </message>
    <message>
        <source>Show the caption file as text</source>
        <translation>以文本显示标注文件</translation>
    </message>
    <message>
        <source>Translations, tag list</source>
        <translation>翻译、标签列表</translation>
    </message>
</context>
<context>
    <name>CaptionProblem</name>
    <message>
        <source>Convert to UTF-8</source>
        <translation>转换为 UTF-8</translation>
    </message>
    <message>
        <source>Training does not read this caption file: {what}.</source>
        <translation>训练不会读取这个标注文件：{what}。</translation>
    </message>
</context>
<context>
    <name>CaptionsPage</name>
    <message>
        <source>Choose a folder of pictures</source>
        <translation>选择图片文件夹</translation>
    </message>
    <message>
        <source>Writing captions before the training starts ...</source>
        <translation>训练开始前先写入标注……</translation>
    </message>
    <message>
        <source>All listed pictures have a caption.</source>
        <translation>列出的图片都有标注。</translation>
    </message>
    <message>
        <source>{problem} - {cure}</source>
        <translation>{problem}——{cure}</translation>
    </message>
    <message>
        <source>{first} (and {count} more)</source>
        <translation>{first}（另有 {count} 处）</translation>
    </message>
    <message>
        <source>Convert to UTF-8 ...</source>
        <translation>转为 UTF-8……</translation>
    </message>
    <message>
        <source>{count} captions were changed by another program and are read anew.</source>
        <translation>{count} 条标注被其他程序改动，已重新读取。</translation>
    </message>
    <message>
        <source>Captions</source>
        <translation>标注</translation>
    </message>
</context>
<context>
    <name>Cells</name>
    <message>
        <source>cannot be edited as it is</source>
        <translation>暂时无法编辑</translation>
    </message>
    <message>
        <source>no caption</source>
        <translation>无标注</translation>
    </message>
    <message>
        <source>{tags} tags, {tokens} tokens</source>
        <translation>{tags} 个标签，{tokens} 个 token</translation>
    </message>
    <message>
        <source>1 tag, {tokens} tokens</source>
        <translation>1 个标签，{tokens} 个 token</translation>
    </message>
</context>
<context>
    <name>ChipModel</name>
    <message>
        <source>{tag}, in {count} of {all}</source>
        <translation>{tag}，{all} 张中有 {count} 张</translation>
    </message>
</context>
<context>
    <name>ChipsView</name>
    <message>
        <source>Tags of the chosen pictures</source>
        <translation>所选图片的标签</translation>
    </message>
</context>
<context>
    <name>ChoiceBox</name>
    <message>
        <source>not set</source>
        <translation>未设置</translation>
    </message>
    <message>
        <source>on</source>
        <translation>开</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关</translation>
    </message>
</context>
<context>
    <name>ChoiceForm</name>
    <message>
        <source>replace the caption</source>
        <translation>替换标注</translation>
    </message>
    <message>
        <source>behind the caption</source>
        <translation>加在标注后面</translation>
    </message>
    <message>
        <source>before the caption</source>
        <translation>加在标注前面</translation>
    </message>
    <message>
        <source>only where there is none</source>
        <translation>只填没有标注的</translation>
    </message>
    <message>
        <source>Put them</source>
        <translation>写入方式</translation>
    </message>
    <message>
        <source>Sure from</source>
        <translation>置信度阈值</translation>
    </message>
    <message>
        <source>Characters from</source>
        <translation>角色阈值</translation>
    </message>
    <message>
        <source>Never</source>
        <translation>不要的标签</translation>
    </message>
    <message>
        <source>tags, with commas between</source>
        <translation>用逗号分隔的标签</translation>
    </message>
    <message>
        <source>threshold of each picture&apos;s own (MCut)</source>
        <translation>每张图自动阈值（MCut）</translation>
    </message>
    <message>
        <source>with the rating</source>
        <translation>加上分级</translation>
    </message>
    <message>
        <source>spaces for underscores</source>
        <translation>下划线换成空格</translation>
    </message>
    <message>
        <source>backslash before brackets</source>
        <translation>括号前加反斜杠</translation>
    </message>
</context>
<context>
    <name>CompareDialog</name>
    <message>
        <source>Compare</source>
        <translation>对比</translation>
    </message>
    <message>
        <source>This window and the file on the disk</source>
        <translation>本窗口与磁盘上的文件</translation>
    </message>
    <message>
        <source>Lines with - stand in this window only, lines with + in the file only.</source>
        <translation>带 - 的行只在本窗口里，带 + 的行只在文件里。</translation>
    </message>
    <message>
        <source>Lines that differ</source>
        <translation>不同的行</translation>
    </message>
    <message>
        <source>Keep mine</source>
        <translation>保留我的</translation>
    </message>
    <message>
        <source>The next save writes over the file.</source>
        <translation>下次保存时会覆盖该文件。</translation>
    </message>
    <message>
        <source>Take theirs</source>
        <translation>采用磁盘上的</translation>
    </message>
    <message>
        <source>The file replaces the text in this window; undo brings it back.</source>
        <translation>用文件替换本窗口的内容；可以撤销。</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Comparing ...</source>
        <translation>正在对比…</translation>
    </message>
    <message>
        <source>Lines only here: {mine}; only in the file: {theirs}</source>
        <translation>只在这里的行：{mine}；只在文件里的行：{theirs}</translation>
    </message>
    <message>
        <source>Both are the same.</source>
        <translation>两者相同。</translation>
    </message>
    <message>
        <source>They differ in line ends or an invisible mark at the start only.</source>
        <translation>只有换行符或开头的不可见标记不同。</translation>
    </message>
    <message>
        <source>Lines not shown: {count}</source>
        <translation>未显示的行：{count}</translation>
    </message>
    <message>
        <source>equal lines: {count}</source>
        <translation>相同的行：{count}</translation>
    </message>
    <message>
        <source>seed {seed}</source>
        <translation>种子 {seed}</translation>
    </message>
    <message>
        <source>step {step}</source>
        <translation>第 {step} 步</translation>
    </message>
    <message>
        <source>{step}: not drawn</source>
        <translation>{step}：没有样图</translation>
    </message>
    <message>
        <source>Compare samples</source>
        <translation>对比样图</translation>
    </message>
    <message>
        <source>Divider between the two pictures</source>
        <translation>两张图片之间的分隔线</translation>
    </message>
    <message>
        <source>Drag, or press Left and Right, to uncover one of the pictures</source>
        <translation>拖动，或按左、右方向键，露出其中一张图片</translation>
    </message>
    <message>
        <source>Previous prompt</source>
        <translation>上一条提示词</translation>
    </message>
    <message>
        <source>Next prompt</source>
        <translation>下一条提示词</translation>
    </message>
    <message>
        <source>Left</source>
        <translation>左侧</translation>
    </message>
    <message>
        <source>Right</source>
        <translation>右侧</translation>
    </message>
    <message>
        <source>Step shown at: {side}</source>
        <translation>显示的步：{side}</translation>
    </message>
</context>
<context>
    <name>ConceptDetails</name>
    <message>
        <source>The check counts nothing in this folder: is it there, and is it the right one?</source>
        <translation>检查没有在这个文件夹里数到任何图片：它存在吗？选对了吗？</translation>
    </message>
    <message>
        <source>Problems of the pictures</source>
        <translation>图片的问题</translation>
    </message>
    <message>
        <source>Pictures that are trained</source>
        <translation>参加训练的图片</translation>
    </message>
    <message>
        <source>Samples per epoch</source>
        <translation>每轮样本数</translation>
    </message>
    <message>
        <source>Without a caption file</source>
        <translation>没有标注文件</translation>
    </message>
    <message>
        <source>Captions without a word</source>
        <translation>空的标注</translation>
    </message>
    <message>
        <source>Left out: cannot be read</source>
        <translation>排除：无法读取</translation>
    </message>
    <message>
        <source>Left out: too small</source>
        <translation>排除：太小</translation>
    </message>
    <message>
        <source>Left out: too large</source>
        <translation>排除：太大</translation>
    </message>
    <message>
        <source>This folder is named in the preset. Removing it takes it out of the preset only; nothing on the disk is touched.</source>
        <translation>这个文件夹写在预设里。移除只会把它从预设中去掉，不会动磁盘上的任何文件。</translation>
    </message>
    <message>
        <source>This folder is found in the folder given above, so it cannot be removed here. To leave it out, move it elsewhere, or take the number off the front of its name.</source>
        <translation>这个文件夹是在上面所选的总文件夹里找到的，所以不能在这里移除。若不想使用它，请把它移到别处，或去掉文件夹名开头的数字。</translation>
    </message>
</context>
<context>
    <name>ConceptModel</name>
    <message>
        <source>Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>Repeats</source>
        <translation>重复</translation>
    </message>
    <message>
        <source>Class words</source>
        <translation>类别词</translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Per epoch</source>
        <translation>每轮</translation>
    </message>
    <message>
        <source>Captions</source>
        <translation>标注</translation>
    </message>
    <message>
        <source>Without</source>
        <translation>无标注</translation>
    </message>
    <message>
        <source>Empty</source>
        <translation>空标注</translation>
    </message>
    <message>
        <source>Left out</source>
        <translation>排除</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>用途</translation>
    </message>
    <message>
        <source>Weight</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Samples of an epoch: pictures times repeats</source>
        <translation>一轮的样本数：图片数 × 重复次数</translation>
    </message>
    <message>
        <source>Caption files found, by their ending</source>
        <translation>找到的标注文件，按扩展名统计</translation>
    </message>
    <message>
        <source>Pictures without a caption file</source>
        <translation>没有标注文件的图片</translation>
    </message>
    <message>
        <source>Caption files without a word</source>
        <translation>内容为空的标注文件</translation>
    </message>
    <message>
        <source>Pictures that cannot be read, are too small or too large</source>
        <translation>无法读取、太小或太大的图片</translation>
    </message>
    <message>
        <source>How much these pictures count</source>
        <translation>这些图片占多大的分量</translation>
    </message>
    <message>
        <source>Total</source>
        <translation>合计</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>not found</source>
        <translation>未找到</translation>
    </message>
    <message>
        <source>training</source>
        <translation>训练</translation>
    </message>
    <message>
        <source>regularisation</source>
        <translation>正则化</translation>
    </message>
</context>
<context>
    <name>ConceptTable</name>
    <message>
        <source>Concepts</source>
        <translation>概念</translation>
    </message>
</context>
<context>
    <name>ConflictBanner</name>
    <message>
        <source>Written here</source>
        <translation>这里写的</translation>
    </message>
    <message>
        <source>In the file now</source>
        <translation>文件里现有的</translation>
    </message>
    <message>
        <source>Keep mine</source>
        <translation>保留我的</translation>
    </message>
    <message>
        <source>Take theirs</source>
        <translation>采用文件里的</translation>
    </message>
    <message>
        <source>Join both</source>
        <translation>合并两者</translation>
    </message>
    <message>
        <source>Show the picture</source>
        <translation>显示图片</translation>
    </message>
    <message>
        <source>The caption of {name} was edited here while another program changed its file.</source>
        <translation>{name} 的标注在这里编辑过，同时其他程序改动了它的文件。</translation>
    </message>
    <message>
        <source>{count} more wait.</source>
        <translation>还有 {count} 条待处理。</translation>
    </message>
    <message>
        <source>(no caption file)</source>
        <translation>（没有标注文件）</translation>
    </message>
    <message>
        <source>Both changed the same place; choose one of them.</source>
        <translation>两边改了同一处，请选其中一个。</translation>
    </message>
</context>
<context>
    <name>DatasetPage</name>
    <message>
        <source>Dataset</source>
        <translation>数据集</translation>
    </message>
    <message>
        <source>How folders become steps</source>
        <translation>文件夹怎样变成步数</translation>
    </message>
    <message>
        <source>No concepts yet. Choose the folder that holds them above, or add a single folder of pictures.</source>
        <translation>还没有概念。请在上面选择存放概念文件夹的总文件夹，或添加单个图片文件夹。</translation>
    </message>
    <message>
        <source>New dataset ...</source>
        <translation>新建数据集……</translation>
    </message>
    <message>
        <source>Make a dataset out of loose pictures</source>
        <translation>用零散的图片建立数据集</translation>
    </message>
    <message>
        <source>Add a folder ...</source>
        <translation>添加文件夹…</translation>
    </message>
    <message>
        <source>Add a folder of pictures to the preset</source>
        <translation>把一个图片文件夹加进预设</translation>
    </message>
    <message>
        <source>Options of its own</source>
        <translation>单独设置</translation>
    </message>
    <message>
        <source>Give the chosen concept options of its own</source>
        <translation>给选中的概念单独设置选项</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Take the chosen concept out of the preset; its folder stays</source>
        <translation>把选中的概念从预设中移除；文件夹仍然保留</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Open the chosen concept&apos;s folder in the file manager</source>
        <translation>在文件管理器中打开选中概念的文件夹</translation>
    </message>
    <message>
        <source>Buckets</source>
        <translation>分桶</translation>
    </message>
    <message>
        <source>Options of {name} alone</source>
        <translation>仅用于 {name} 的选项</translation>
    </message>
    <message>
        <source>Choose a folder of pictures, such as 10_sks cat</source>
        <translation>选择一个图片文件夹，例如 10_sks cat</translation>
    </message>
    <message>
        <source>Taken out of the preset. Undo takes it back.</source>
        <translation>已从预设中移除，可以撤销。</translation>
    </message>
    <message>
        <source>The folder is not there: {folder}</source>
        <translation>文件夹不存在：{folder}</translation>
    </message>
</context>
<context>
    <name>DiffView</name>
    <message>
        <source>What would change</source>
        <translation>会改动的内容</translation>
    </message>
</context>
<context>
    <name>Drawer</name>
    <message>
        <source>Steps and checks</source>
        <translation>步数与检查</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>步数</translation>
    </message>
</context>
<context>
    <name>EverywhereDialog</name>
    <message>
        <source>Rename everywhere</source>
        <translation>全部重命名</translation>
    </message>
    <message>
        <source>New name of the tag</source>
        <translation>标签的新名称</translation>
    </message>
    <message>
        <source>Remove everywhere</source>
        <translation>全部移除</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>修改</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Captions that would change: {count}</source>
        <translation>将改动的标注：{count}</translation>
    </message>
    <message>
        <source>No caption would change.</source>
        <translation>没有标注会改动。</translation>
    </message>
</context>
<context>
    <name>FaultLines</name>
    <message>
        <source>Error</source>
        <translation>错误</translation>
    </message>
    <message>
        <source>Warning</source>
        <translation>警告</translation>
    </message>
    <message>
        <source>Hint</source>
        <translation>提示</translation>
    </message>
    <message>
        <source>{how_bad}: {what}</source>
        <translation>{how_bad}：{what}</translation>
    </message>
    <message>
        <source>{what} ({mend})</source>
        <translation>{what}（{mend}）</translation>
    </message>
</context>
<context>
    <name>FaultList</name>
    <message>
        <source>Show errors: they keep a training from starting</source>
        <translation>显示错误：有错误时无法开始训练</translation>
    </message>
    <message>
        <source>Show warnings: the training starts, but may disappoint</source>
        <translation>显示警告：可以开始训练，但效果可能不理想</translation>
    </message>
    <message>
        <source>Show hints</source>
        <translation>显示提示</translation>
    </message>
    <message>
        <source>Nothing to mend.</source>
        <translation>没有需要修改的地方。</translation>
    </message>
    <message>
        <source>Errors: {count}</source>
        <translation>错误：{count}</translation>
    </message>
    <message>
        <source>Warnings: {count}</source>
        <translation>警告：{count}</translation>
    </message>
    <message>
        <source>Hints: {count}</source>
        <translation>提示：{count}</translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation>以及另外 {count} 项</translation>
    </message>
    <message>
        <source>Done: {what}. Undo takes it back.</source>
        <translation>已完成：{what}。可以撤销。</translation>
    </message>
</context>
<context>
    <name>FaultRow</name>
    <message>
        <source>Error</source>
        <translation>错误</translation>
    </message>
    <message>
        <source>Warning</source>
        <translation>警告</translation>
    </message>
    <message>
        <source>Hint</source>
        <translation>提示</translation>
    </message>
    <message>
        <source>Fix: {what}</source>
        <translation>修复：{what}</translation>
    </message>
    <message>
        <source>Go to the field {field}</source>
        <translation>转到“{field}”</translation>
    </message>
    <message>
        <source>Fix</source>
        <translation>修复</translation>
    </message>
    <message>
        <source>line {number}</source>
        <translation>第 {number} 行</translation>
    </message>
</context>
<context>
    <name>FavouritesPad</name>
    <message>
        <source>Favourite tags</source>
        <translation>常用标签</translation>
    </message>
    <message>
        <source>Favourite {number}: {tag}</source>
        <translation>常用标签 {number}：{tag}</translation>
    </message>
    <message>
        <source>Take off this key</source>
        <translation>从此键上取下</translation>
    </message>
</context>
<context>
    <name>FetchBar</name>
    <message>
        <source>This is a name on the hub; nothing is downloaded until you ask.</source>
        <translation>这是模型站上的名称；在你确认之前不会下载任何内容。</translation>
    </message>
    <message>
        <source>Look it up ...</source>
        <translation>查询…</translation>
    </message>
    <message>
        <source>Look up the base model on the hub</source>
        <translation>在模型站上查询这个底模</translation>
    </message>
</context>
<context>
    <name>FetchDialog</name>
    <message>
        <source>A model from the hub</source>
        <translation>从模型站下载模型</translation>
    </message>
    <message>
        <source>Look up</source>
        <translation>查询</translation>
    </message>
    <message>
        <source>Fetch</source>
        <translation>下载</translation>
    </message>
    <message>
        <source>Choose ...</source>
        <translation>选择…</translation>
    </message>
    <message>
        <source>Choose the folder for models</source>
        <translation>选择存放模型的文件夹</translation>
    </message>
    <message>
        <source>Into the folder</source>
        <translation>存到文件夹</translation>
    </message>
    <message>
        <source>File</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Files of the model</source>
        <translation>模型的文件</translation>
    </message>
    <message>
        <source>How much has arrived</source>
        <translation>已下载多少</translation>
    </message>
    <message>
        <source>{name} is a name on the hub. Looking it up asks the hub for its licence and its files; nothing is downloaded before you have seen them.</source>
        <translation>{name} 是模型站上的名称。查询时只会读取它的许可证和文件列表；在你看过之前不会下载任何内容。</translation>
    </message>
    <message>
        <source>From</source>
        <translation>来源</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>许可证</translation>
    </message>
    <message>
        <source>Revision</source>
        <translation>版本</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>Size in all</source>
        <translation>总大小</translation>
    </message>
    <message>
        <source>Asking the hub ...</source>
        <translation>正在查询模型站…</translation>
    </message>
    <message>
        <source>This model has several files of weights. Choose the one you want.</source>
        <translation>这个模型有多个权重文件，请选择要用的一个。</translation>
    </message>
    <message>
        <source>Fetching ...</source>
        <translation>正在下载…</translation>
    </message>
    <message>
        <source>Cancelled. What has arrived is kept; fetching again goes on from there.</source>
        <translation>已取消。已下载的部分会保留，再次下载时从那里继续。</translation>
    </message>
    <message>
        <source>It is there, and stands in the preset as the base model.</source>
        <translation>下载完成，并已写入预设作为底模。</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Folder for models</source>
        <translation>存放模型的文件夹</translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} / {total}，已下载</translation>
    </message>
    <message>
        <source>{done} so far</source>
        <translation>已下载 {done}</translation>
    </message>
</context>
<context>
    <name>FieldRow</name>
    <message>
        <source>kohya&apos;s name: {name}</source>
        <translation>kohya 中的名称：{name}</translation>
    </message>
    <message>
        <source>Explain {label}</source>
        <translation>说明：{label}</translation>
    </message>
    <message>
        <source>Changed: not the default</source>
        <translation>已修改：不是默认值</translation>
    </message>
    <message>
        <source>not set</source>
        <translation>未设置</translation>
    </message>
    <message>
        <source>Reset to default: {value}</source>
        <translation>恢复默认值：{value}</translation>
    </message>
    <message>
        <source>Copy the key</source>
        <translation>复制键名</translation>
    </message>
    <message>
        <source>Copy as --set</source>
        <translation>复制为 --set 参数</translation>
    </message>
    <message>
        <source>Changed.</source>
        <translation>已修改。</translation>
    </message>
    <message>
        <source>must be given</source>
        <translation>必须填写</translation>
    </message>
    <message>
        <source>as for all folders</source>
        <translation>与所有文件夹相同</translation>
    </message>
</context>
<context>
    <name>FileActions</name>
    <message>
        <source>Open a configuration file</source>
        <translation>打开配置文件</translation>
    </message>
    <message>
        <source>Save the configuration file</source>
        <translation>保存配置文件</translation>
    </message>
    <message>
        <source>{count} relative paths are absolute now, because the file moved</source>
        <translation>文件换了位置，{count} 个相对路径已改为绝对路径</translation>
    </message>
    <message>
        <source>Unsaved changes</source>
        <translation>未保存的修改</translation>
    </message>
    <message>
        <source>The new preset</source>
        <translation>新预设</translation>
    </message>
    <message>
        <source>{name} has changes that are not saved.</source>
        <translation>{name} 有未保存的修改。</translation>
    </message>
    <message>
        <source>Configuration files</source>
        <translation>配置文件</translation>
    </message>
    <message>
        <source>All files</source>
        <translation>所有文件</translation>
    </message>
    <message>
        <source>Saved {path}</source>
        <translation>已保存 {path}</translation>
    </message>
</context>
<context>
    <name>FilterBar</name>
    <message>
        <source>Filter: tag:hat, tokens:&gt;75, words ...</source>
        <translation>筛选：标签 tag:hat、tokens:&gt;75、文字……</translation>
    </message>
    <message>
        <source>Filter</source>
        <translation>筛选</translation>
    </message>
    <message>
        <source>Filter the pictures ({keys})</source>
        <translation>筛选图片（{keys}）</translation>
    </message>
    <message>
        <source>Examples of filters</source>
        <translation>筛选示例</translation>
    </message>
    <message>
        <source>The other way round</source>
        <translation>反向排列</translation>
    </message>
    <message>
        <source>Size of the pictures in the grid</source>
        <translation>网格中图片的大小</translation>
    </message>
    <message>
        <source>by name</source>
        <translation>按名称</translation>
    </message>
    <message>
        <source>by tokens</source>
        <translation>按 token 数</translation>
    </message>
    <message>
        <source>by tags</source>
        <translation>按标签数</translation>
    </message>
    <message>
        <source>by size</source>
        <translation>按尺寸</translation>
    </message>
    <message>
        <source>by change</source>
        <translation>按修改时间</translation>
    </message>
    <message>
        <source>Order of the pictures</source>
        <translation>图片顺序</translation>
    </message>
    <message>
        <source>{shown} of {all}</source>
        <translation>{shown} / 共 {all}</translation>
    </message>
</context>
<context>
    <name>FindReplace</name>
    <message>
        <source>Nothing is found.</source>
        <translation>没有找到。</translation>
    </message>
    <message>
        <source>Captions that would change: {count}</source>
        <translation>将改动的标注：{count}</translation>
    </message>
    <message>
        <source>Find</source>
        <translation>查找</translation>
    </message>
    <message>
        <source>Replace by (nothing: remove)</source>
        <translation>替换为（留空则删除）</translation>
    </message>
    <message>
        <source>Regular expression</source>
        <translation>正则表达式</translation>
    </message>
    <message>
        <source>Ignore case</source>
        <translation>忽略大小写</translation>
    </message>
    <message>
        <source>Replace</source>
        <translation>替换</translation>
    </message>
    <message>
        <source>\1 is the first group, \g&lt;name&gt; a named one; (?i) and the rest as in Python&apos;s regex</source>
        <translation>\1 是第一个分组，\g&lt;name&gt; 是具名分组；(?i) 等写法与 Python 的 regex 相同</translation>
    </message>
    <message>
        <source>in each tag</source>
        <translation>在每个标签中</translation>
    </message>
    <message>
        <source>in the first line</source>
        <translation>在第一行中</translation>
    </message>
    <message>
        <source>in the whole file</source>
        <translation>在整个文件中</translation>
    </message>
    <message>
        <source>Replace by</source>
        <translation>替换为</translation>
    </message>
    <message>
        <source>Where to look</source>
        <translation>查找范围</translation>
    </message>
    <message>
        <source>Which pictures</source>
        <translation>哪些图片</translation>
    </message>
    <message>
        <source>the chosen ({count})</source>
        <translation>所选的（{count}）</translation>
    </message>
    <message>
        <source>the listed ({count})</source>
        <translation>列出的（{count}）</translation>
    </message>
    <message>
        <source>all pictures</source>
        <translation>全部图片</translation>
    </message>
</context>
<context>
    <name>FirstSteps</name>
    <message>
        <source>First steps</source>
        <translation>入门三步</translation>
    </message>
    <message>
        <source>1. Choose a base model below.
2. Choose the folder of your pictures on the tab Folders.
3. Press Start training. What is still missing is listed at the right.</source>
        <translation>1. 在下面选择底模。
2. 在“文件夹”标签页选择图片文件夹。
3. 点“开始训练”。还缺什么，右侧会列出来。</translation>
    </message>
    <message>
        <source>Open a configuration file ...</source>
        <translation>打开配置文件…</translation>
    </message>
    <message>
        <source>Try the demo</source>
        <translation>试试示例</translation>
    </message>
    <message>
        <source>A tiny model and a few pictures that come with the program: any machine will do</source>
        <translation>程序自带的小模型和几张图片，任何电脑都能训练</translation>
    </message>
</context>
<context>
    <name>FolderLesson</name>
    <message>
        <source>Each concept is a folder whose name is repeat_stylename: how often each picture is seen per epoch, an underscore, and the words for what the pictures show. Choose the folder that holds such folders.</source>
        <translation>每个概念是一个文件夹，名称写成“重复次数_风格名”：每轮中每张图片出现的次数、一个下划线，再加上描述图片内容的词。请选择存放这些文件夹的总文件夹。</translation>
    </message>
    <message>
        <source>choose this one</source>
        <translation>选择这一个</translation>
    </message>
    <message>
        <source>10 repeats, class words &quot;sks cat&quot;</source>
        <translation>重复 10 次，类别词为“sks cat”</translation>
    </message>
    <message>
        <source>a picture</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>its caption</source>
        <translation>它的标注</translation>
    </message>
    <message>
        <source>steps = images x repeats x epochs / batch. For example: 20 images x 10 repeats x 5 epochs / batch 2 = 500 steps.</source>
        <translation>步数 = 图片数 × 重复次数 × 轮数 ÷ 批量大小。例如：20 张图片 × 重复 10 次 × 5 轮 ÷ 批量 2 = 500 步。</translation>
    </message>
    <message>
        <source>Good to begin with: 20 pictures or more, at least 512 pixels a side for SD 1.5 and 1024 for SDXL, no near duplicates, a caption for each. Your pictures are only read: never moved, renamed or changed.</source>
        <translation>建议起步：20 张以上图片，SD 1.5 每边至少 512 像素，SDXL 至少 1024 像素；不要有几乎重复的图片，每张都有标注。你的图片只会被读取，绝不会被移动、改名或修改。</translation>
    </message>
</context>
<context>
    <name>FolderTree</name>
    <message>
        <source>Open folder ...</source>
        <translation>打开文件夹……</translation>
    </message>
    <message>
        <source>Of the configuration</source>
        <translation>配置里的文件夹</translation>
    </message>
    <message>
        <source>Open the folders that the configuration trains</source>
        <translation>打开配置所训练的文件夹</translation>
    </message>
    <message>
        <source>Folders</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>Look at</source>
        <translation>待查看</translation>
    </message>
    <message>
        <source>Pictures that want looking at</source>
        <translation>需要查看的图片</translation>
    </message>
    <message>
        <source>All pictures</source>
        <translation>全部图片</translation>
    </message>
    <message>
        <source>Without tags</source>
        <translation>无标签</translation>
    </message>
    <message>
        <source>Too long</source>
        <translation>过长</translation>
    </message>
    <message>
        <source>Near-duplicates</source>
        <translation>近似重复</translation>
    </message>
    <message>
        <source>Changed outside</source>
        <translation>外部改动</translation>
    </message>
    <message>
        <source>Missing files</source>
        <translation>缺文件</translation>
    </message>
    <message>
        <source>Low quality</source>
        <translation>质量低</translation>
    </message>
</context>
<context>
    <name>Footer</name>
    <message>
        <source>Checking and starting ...</source>
        <translation>正在检查并启动…</translation>
    </message>
    <message>
        <source>Started: {run}</source>
        <translation>已启动：{run}</translation>
    </message>
    <message>
        <source>Not started:</source>
        <translation>未能启动：</translation>
    </message>
    <message>
        <source>The training is being started.</source>
        <translation>正在启动训练。</translation>
    </message>
    <message>
        <source>Go to the first of them</source>
        <translation>转到第一个错误</translation>
    </message>
    <message>
        <source>Check once more and start the training (F5)</source>
        <translation>再检查一次并开始训练（F5）</translation>
    </message>
    <message>
        <source>Errors to mend first: {count}. The Train page names them.</source>
        <translation>请先修改的错误：{count}。训练页会列出它们。</translation>
    </message>
    <message>
        <source>Errors to mend first: {count}</source>
        <translation>请先修改的错误：{count}</translation>
    </message>
    <message>
        <source>Training: {name}, step {step} of {total}</source>
        <translation>正在训练：{name}，第 {step} / {total} 步</translation>
    </message>
    <message>
        <source>Training: {name}</source>
        <translation>正在训练：{name}</translation>
    </message>
    <message>
        <source>Start training</source>
        <translation>开始训练</translation>
    </message>
    <message>
        <source>Show the training that runs</source>
        <translation>查看正在运行的训练</translation>
    </message>
</context>
<context>
    <name>FormSection</name>
    <message>
        <source>The preset holds keys that are no options. They stay as they are until you mend them.</source>
        <translation>预设里有一些键不是有效的选项。在你修改之前，它们会原样保留。</translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation>以及另外 {count} 项</translation>
    </message>
</context>
<context>
    <name>Gallery</name>
    <message>
        <source>Pictures</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Open a folder of pictures, or choose the folders of the configuration on the left.</source>
        <translation>打开图片文件夹，或在左侧选择配置里的文件夹。</translation>
    </message>
    <message>
        <source>No picture passes the filter.</source>
        <translation>没有图片符合筛选条件。</translation>
    </message>
    <message>
        <source>There is no picture in this folder.</source>
        <translation>这个文件夹里没有图片。</translation>
    </message>
</context>
<context>
    <name>HealthCard</name>
    <message>
        <source>Health of the pictures</source>
        <translation>图片体检</translation>
    </message>
    <message>
        <source>Decodes every picture once and looks for near-duplicates, damaged, blurred, too small, very long and transparent ones. Nothing is changed.</source>
        <translation>把每张图片解码一次，找出近似重复、损坏、模糊、过小、过长和透明的图片。不会改动任何文件。</translation>
    </message>
    <message>
        <source>Look the pictures over</source>
        <translation>检查图片</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop looking the pictures over</source>
        <translation>停止检查图片</translation>
    </message>
    <message>
        <source>Pictures looked at</source>
        <translation>已检查的图片</translation>
    </message>
    <message>
        <source>Make a clean copy of the folder. The pictures you have stay as they are. Leave out:</source>
        <translation>为文件夹做一份干净的副本，原有图片保持不变。不放进副本的：</translation>
    </message>
    <message>
        <source>Near-duplicates, but for the best of each group</source>
        <translation>近似重复的图片（每组保留最好的一张）</translation>
    </message>
    <message>
        <source>Damaged ones</source>
        <translation>损坏的图片</translation>
    </message>
    <message>
        <source>Blurred ones</source>
        <translation>模糊的图片</translation>
    </message>
    <message>
        <source>Too small ones</source>
        <translation>过小的图片</translation>
    </message>
    <message>
        <source>Very long ones</source>
        <translation>过长的图片</translation>
    </message>
    <message>
        <source>Lay transparent ones on white</source>
        <translation>把透明图片铺在白底上</translation>
    </message>
    <message>
        <source>New folder</source>
        <translation>新文件夹</translation>
    </message>
    <message>
        <source>Make the clean copy</source>
        <translation>生成干净副本</translation>
    </message>
    <message>
        <source>Train the clean copy</source>
        <translation>训练干净副本</translation>
    </message>
    <message>
        <source>Name the clean copy in the preset</source>
        <translation>在预设中改用干净副本</translation>
    </message>
    <message>
        <source>The preset names the clean copy now. Undo takes it back.</source>
        <translation>预设已改用干净副本。撤销可以改回来。</translation>
    </message>
    <message>
        <source>{made} pictures copied, {there} were there already, {out} left out, {failed} failed.</source>
        <translation>复制了 {made} 张图片，{there} 张原本已在，去掉 {out} 张，失败 {failed} 张。</translation>
    </message>
    <message>
        <source>Stopped. What was looked at is remembered.</source>
        <translation>已停止。检查过的结果会记住。</translation>
    </message>
</context>
<context>
    <name>HealthResults</name>
    <message>
        <source>What was found in the pictures</source>
        <translation>图片中发现的问题</translation>
    </message>
    <message>
        <source>Near-duplicates: {groups} groups, {spare} pictures could go</source>
        <translation>近似重复：{groups} 组，可去掉 {spare} 张图片</translation>
    </message>
    <message>
        <source>Nothing to be said of {count} pictures</source>
        <translation>{count} 张图片都没有问题</translation>
    </message>
    <message>
        <source>Damaged: {count}</source>
        <translation>损坏：{count}</translation>
    </message>
    <message>
        <source>Blurred, it seems: {count}</source>
        <translation>可能模糊：{count}</translation>
    </message>
    <message>
        <source>Smaller than they are trained: {count}</source>
        <translation>小于训练尺寸：{count}</translation>
    </message>
    <message>
        <source>Very long, much is cut off: {count}</source>
        <translation>过长，会裁掉很多：{count}</translation>
    </message>
    <message>
        <source>Transparent, trained on white: {count}</source>
        <translation>透明，按白底训练：{count}</translation>
    </message>
</context>
<context>
    <name>HistoryPanel</name>
    <message>
        <source>{count} edits can be taken back</source>
        <translation>可撤销 {count} 步</translation>
    </message>
    <message>
        <source>Nothing to take back.</source>
        <translation>没有可撤销的步骤。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>重做</translation>
    </message>
    <message>
        <source>Edits of captions, newest first</source>
        <translation>标注的修改，最新的在前</translation>
    </message>
    <message>
        <source>Enter or a double click goes back or forward to this state</source>
        <translation>按回车或双击，回到或前进到此状态</translation>
    </message>
</context>
<context>
    <name>KeyDocs</name>
    <message>
        <source>Key</source>
        <translation>按键</translation>
    </message>
    <message>
        <source>What it does</source>
        <translation>作用</translation>
    </message>
</context>
<context>
    <name>Keys</name>
    <message>
        <source>Add or remove favourite tag {number}</source>
        <translation>加上或去掉常用标签 {number}</translation>
    </message>
    <message>
        <source>Next picture</source>
        <translation>下一张图片</translation>
    </message>
    <message>
        <source>Previous picture</source>
        <translation>上一张图片</translation>
    </message>
    <message>
        <source>Next picture without a caption</source>
        <translation>下一张无标注的图片</translation>
    </message>
    <message>
        <source>Zoom: fit or 100 %</source>
        <translation>缩放：适合窗口或 100 %</translation>
    </message>
    <message>
        <source>Show as a grid</source>
        <translation>网格显示</translation>
    </message>
    <message>
        <source>Show as a list</source>
        <translation>列表显示</translation>
    </message>
    <message>
        <source>Show one picture</source>
        <translation>显示单张图片</translation>
    </message>
    <message>
        <source>Filter</source>
        <translation>筛选</translation>
    </message>
    <message>
        <source>Open a folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Add a tag</source>
        <translation>添加标签</translation>
    </message>
    <message>
        <source>Take the first suggestion</source>
        <translation>采用第一条建议</translation>
    </message>
    <message>
        <source>Rename a tag</source>
        <translation>重命名标签</translation>
    </message>
    <message>
        <source>Delete a tag</source>
        <translation>删除标签</translation>
    </message>
    <message>
        <source>Find and replace</source>
        <translation>查找和替换</translation>
    </message>
    <message>
        <source>Edit many captions</source>
        <translation>批量编辑标注</translation>
    </message>
    <message>
        <source>Remove repeated tags</source>
        <translation>移除重复标签</translation>
    </message>
    <message>
        <source>Copy tags</source>
        <translation>复制标签</translation>
    </message>
    <message>
        <source>Paste tags in place of the present ones</source>
        <translation>粘贴标签，替换现有的</translation>
    </message>
    <message>
        <source>Paste tags after the present ones</source>
        <translation>粘贴标签，接在现有的后面</translation>
    </message>
    <message>
        <source>Tag automatically</source>
        <translation>自动打标签</translation>
    </message>
    <message>
        <source>Paint a mask</source>
        <translation>绘制蒙版</translation>
    </message>
    <message>
        <source>Crop</source>
        <translation>裁剪</translation>
    </message>
    <message>
        <source>Rating</source>
        <translation>分级</translation>
    </message>
    <message>
        <source>History</source>
        <translation>历史</translation>
    </message>
    <message>
        <source>Keys of this page</source>
        <translation>本页快捷键</translation>
    </message>
</context>
<context>
    <name>LogView</name>
    <message>
        <source>Log</source>
        <translation>日志</translation>
    </message>
    <message>
        <source>Show or hide the log</source>
        <translation>显示或隐藏日志</translation>
    </message>
    <message>
        <source>Filter the log</source>
        <translation>筛选日志</translation>
    </message>
    <message>
        <source>Errors only</source>
        <translation>只看错误</translation>
    </message>
    <message>
        <source>Lines that speak of errors or warnings, and tracebacks</source>
        <translation>含错误或警告的行，以及 traceback</translation>
    </message>
    <message>
        <source>Follow the end</source>
        <translation>跟随末尾</translation>
    </message>
    <message>
        <source>Copy what is selected, or everything shown</source>
        <translation>复制选中的内容；没有选中时复制全部显示的内容</translation>
    </message>
    <message>
        <source>Copy the log</source>
        <translation>复制日志</translation>
    </message>
    <message>
        <source>Log of the training process</source>
        <translation>训练进程的日志</translation>
    </message>
    <message>
        <source>Nothing was written yet, or nothing that matches the filter.</source>
        <translation>还没有内容，或没有符合筛选条件的内容。</translation>
    </message>
</context>
<context>
    <name>LossPlot</name>
    <message>
        <source>The plot cannot be shown: {reason}</source>
        <translation>无法显示曲线图：{reason}</translation>
    </message>
    <message>
        <source>step {step} · loss {loss} · smoothed {smooth}</source>
        <translation>第 {step} 步 · 损失 {loss} · 平滑 {smooth}</translation>
    </message>
    <message>
        <source>lr {rates}</source>
        <translation>学习率 {rates}</translation>
    </message>
    <message>
        <source>Loss and learning rate</source>
        <translation>损失与学习率</translation>
    </message>
    <message>
        <source>Left and Right move the crosshair from step to step</source>
        <translation>按左、右方向键逐步移动十字线</translation>
    </message>
    <message>
        <source>Logarithmic</source>
        <translation>对数</translation>
    </message>
    <message>
        <source>Show the loss on a logarithmic axis</source>
        <translation>用对数坐标显示损失</translation>
    </message>
    <message>
        <source>Clip outliers</source>
        <translation>忽略离群值</translation>
    </message>
    <message>
        <source>Choose the range without the rarest one percent of the values</source>
        <translation>确定范围时不计最极端的 1 % 的值</translation>
    </message>
    <message>
        <source>Show the whole run again (double click)</source>
        <translation>重新显示整个运行（双击）</translation>
    </message>
    <message>
        <source>Show the whole run</source>
        <translation>显示全部</translation>
    </message>
    <message>
        <source>▲ saved   ● samples</source>
        <translation>▲ 保存   ● 样图</translation>
    </message>
    <message>
        <source>The curves appear with the first step.</source>
        <translation>完成第一步后显示曲线。</translation>
    </message>
    <message>
        <source>loss</source>
        <translation>损失</translation>
    </message>
    <message>
        <source>smoothed</source>
        <translation>平滑</translation>
    </message>
    <message>
        <source>validation</source>
        <translation>验证</translation>
    </message>
    <message>
        <source>lr</source>
        <translation>学习率</translation>
    </message>
    <message>
        <source>UNet</source>
        <translation>UNet</translation>
    </message>
    <message>
        <source>Text encoder</source>
        <translation>文本编码器</translation>
    </message>
    <message>
        <source>Text encoder 2</source>
        <translation>文本编码器 2</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Unsaved changes of {name} were rescued from the last session.</source>
        <translation>找回了上次未保存的修改：{name}。</translation>
    </message>
    <message>
        <source>Open them</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Discard them</source>
        <translation>丢弃</translation>
    </message>
    <message>
        <source>Train</source>
        <translation>训练</translation>
    </message>
    <message>
        <source>Dataset</source>
        <translation>数据集</translation>
    </message>
    <message>
        <source>Captions</source>
        <translation>标注</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>运行记录</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Fold</source>
        <translation>收起</translation>
    </message>
    <message>
        <source>Show icons only (Ctrl+B)</source>
        <translation>只显示图标（Ctrl+B）</translation>
    </message>
    <message>
        <source>Show icons only</source>
        <translation>只显示图标</translation>
    </message>
    <message>
        <source>New configuration</source>
        <translation>新建配置</translation>
    </message>
</context>
<context>
    <name>MaskTool</name>
    <message>
        <source>Paint what counts. Right button or Shift: what does not count, shown in red. Wheel: brush.</source>
        <translation>涂出要计入的部分。右键或按住 Shift：涂出不计入的部分（显示为红色）。滚轮：调整画笔。</translation>
    </message>
    <message>
        <source>The mask of the picture</source>
        <translation>图片的蒙版</translation>
    </message>
    <message>
        <source>Brush</source>
        <translation>画笔</translation>
    </message>
    <message>
        <source>Size of the brush</source>
        <translation>画笔大小</translation>
    </message>
    <message>
        <source>Undo the last stroke</source>
        <translation>撤销上一笔</translation>
    </message>
    <message>
        <source>Do the stroke again</source>
        <translation>重做这一笔</translation>
    </message>
    <message>
        <source>All counts</source>
        <translation>全部计入</translation>
    </message>
    <message>
        <source>Nothing counts</source>
        <translation>全部不计入</translation>
    </message>
    <message>
        <source>Invert</source>
        <translation>反转</translation>
    </message>
    <message>
        <source>No mask</source>
        <translation>不用蒙版</translation>
    </message>
    <message>
        <source>Take the mask away; a copy of it is kept</source>
        <translation>删去蒙版；会保留一份副本</translation>
    </message>
    <message>
        <source>Use this folder</source>
        <translation>使用这个文件夹</translation>
    </message>
    <message>
        <source>The mask is not saved: {why}</source>
        <translation>蒙版没有保存：{why}</translation>
    </message>
    <message>
        <source>The configuration trains with masks now. Undo takes it back.</source>
        <translation>配置现在使用蒙版训练。撤销可以改回来。</translation>
    </message>
    <message>
        <source>The configuration names no place for masks. Keep them in: {folder}</source>
        <translation>配置没有指定存放蒙版的位置。可以放在：{folder}</translation>
    </message>
</context>
<context>
    <name>MemoryCard</name>
    <message>
        <source>Memory</source>
        <translation>显存/内存</translation>
    </message>
    <message>
        <source>Disk</source>
        <translation>磁盘</translation>
    </message>
    <message>
        <source>Estimated as soon as the model can be read.</source>
        <translation>能读取模型后即可估算。</translation>
    </message>
    <message>
        <source>What takes it</source>
        <translation>占用明细</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU 内存</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU 显存</translation>
    </message>
    <message>
        <source>About {low} to {high} on the {device}</source>
        <translation>{device}约需 {low} 到 {high}</translation>
    </message>
    <message>
        <source>{words}; how much is free is not known</source>
        <translation>{words}；空闲多少未知</translation>
    </message>
    <message>
        <source>{words}; {free} free</source>
        <translation>{words}；空闲 {free}</translation>
    </message>
    <message>
        <source>More than is free: the training would probably stop.</source>
        <translation>超出空闲容量：训练很可能会停止。</translation>
    </message>
    <message>
        <source>While training</source>
        <translation>训练期间</translation>
    </message>
    <message>
        <source>{needed} for {purpose}; {free} free</source>
        <translation>{purpose}：需要 {needed}；空闲 {free}</translation>
    </message>
    <message>
        <source>More than is free: saving would fail.</source>
        <translation>超出空闲容量：保存会失败。</translation>
    </message>
</context>
<context>
    <name>NewDatasetDialog</name>
    <message>
        <source>New dataset</source>
        <translation>新建数据集</translation>
    </message>
    <message>
        <source>Each line becomes a folder such as 10_sks cat. Your pictures are copied or linked; they stay where they are. Captions go along as copies.</source>
        <translation>每一行会变成一个文件夹，例如 10_sks cat。图片会被复制或链接，原文件留在原处；标注会一并复制。</translation>
    </message>
    <message>
        <source>Make it in</source>
        <translation>建立在</translation>
    </message>
    <message>
        <source>Folder to make it in</source>
        <translation>要建立在哪个文件夹</translation>
    </message>
    <message>
        <source>Choose the folder to make it in</source>
        <translation>选择要建立在哪个文件夹</translation>
    </message>
    <message>
        <source>Add a concept</source>
        <translation>添加概念</translation>
    </message>
    <message>
        <source>Pictures are</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>copied</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>linked (takes no room, same disk only)</source>
        <translation>链接（不占空间，限同一磁盘）</translation>
    </message>
    <message>
        <source>Steps for auto repeats</source>
        <translation>自动重复的目标步数</translation>
    </message>
    <message>
        <source>The plan</source>
        <translation>方案</translation>
    </message>
    <message>
        <source>Nothing is written before you press Make.</source>
        <translation>按下“建立”之前不会写入任何文件。</translation>
    </message>
    <message>
        <source>Show the plan</source>
        <translation>查看方案</translation>
    </message>
    <message>
        <source>Make</source>
        <translation>建立</translation>
    </message>
    <message>
        <source>Train it</source>
        <translation>用它训练</translation>
    </message>
    <message>
        <source>Name the new dataset in the preset</source>
        <translation>在预设中改用新数据集</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>The dataset is made.</source>
        <translation>数据集已建立。</translation>
    </message>
    <message>
        <source>The preset names the new dataset now. Undo takes it back.</source>
        <translation>预设已改用新数据集。撤销可以改回来。</translation>
    </message>
</context>
<context>
    <name>PanelMenu</name>
    <message>
        <source>Translations under the tags</source>
        <translation>在标签下显示翻译</translation>
    </message>
    <message>
        <source>Read the translations again</source>
        <translation>重新读取翻译</translation>
    </message>
    <message>
        <source>Choose a tag list (CSV) ...</source>
        <translation>选择标签列表（CSV）……</translation>
    </message>
    <message>
        <source>{name} cannot be used</source>
        <translation>{name} 无法使用</translation>
    </message>
    <message>
        <source>{name} is being read</source>
        <translation>正在读取 {name}</translation>
    </message>
    <message>
        <source>{name}: {count} tags</source>
        <translation>{name}：{count} 个标签</translation>
    </message>
    <message>
        <source>Without a tag list</source>
        <translation>不使用标签列表</translation>
    </message>
    <message>
        <source>Choose a tag list</source>
        <translation>选择标签列表</translation>
    </message>
    <message>
        <source>Tag lists (*.csv *.tsv *.txt);;All files (*)</source>
        <translation>标签列表 (*.csv *.tsv *.txt);;所有文件 (*)</translation>
    </message>
</context>
<context>
    <name>PartBlock</name>
    <message>
        <source>trained</source>
        <translation>训练</translation>
    </message>
    <message>
        <source>not trained</source>
        <translation>不训练</translation>
    </message>
    <message>
        <source>{part}: {state}</source>
        <translation>{part}：{state}</translation>
    </message>
    <message>
        <source>{label}: {rate}</source>
        <translation>{label}：{rate}</translation>
    </message>
    <message>
        <source>Go to the field {label}</source>
        <translation>转到“{label}”</translation>
    </message>
    <message>
        <source>UNet</source>
        <translation>UNet</translation>
    </message>
    <message>
        <source>Text encoder</source>
        <translation>文本编码器</translation>
    </message>
    <message>
        <source>Text encoder 2</source>
        <translation>文本编码器 2</translation>
    </message>
    <message>
        <source>size unknown: the model&apos;s file cannot be read</source>
        <translation>大小未知：无法读取模型文件</translation>
    </message>
    <message>
        <source>{layers} layers, {numbers} numbers</source>
        <translation>{layers} 层，{numbers} 个参数</translation>
    </message>
</context>
<context>
    <name>PartsCard</name>
    <message>
        <source>What is trained</source>
        <translation>训练哪些部分</translation>
    </message>
    <message>
        <source>Shown as soon as the preset can be read.</source>
        <translation>能读取预设后显示。</translation>
    </message>
</context>
<context>
    <name>PathField</name>
    <message>
        <source>{label}: used before</source>
        <translation>{label}：以前用过的</translation>
    </message>
    <message>
        <source>{label}: browse</source>
        <translation>{label}：浏览</translation>
    </message>
    <message>
        <source>File...</source>
        <translation>文件…</translation>
    </message>
    <message>
        <source>Folder...</source>
        <translation>文件夹…</translation>
    </message>
    <message>
        <source>Will be made</source>
        <translation>将会新建</translation>
    </message>
    <message>
        <source>There is no such path</source>
        <translation>路径不存在</translation>
    </message>
    <message>
        <source>A file; a folder is wanted</source>
        <translation>这是文件；需要文件夹</translation>
    </message>
    <message>
        <source>A folder; a file is wanted</source>
        <translation>这是文件夹；需要文件</translation>
    </message>
    <message>
        <source>Exists</source>
        <translation>存在</translation>
    </message>
    <message>
        <source>Nothing used yet</source>
        <translation>还没有用过的路径</translation>
    </message>
</context>
<context>
    <name>PathLine</name>
    <message>
        <source>Choose a file ...</source>
        <translation>选择文件……</translation>
    </message>
    <message>
        <source>Tables (*.txt *.csv *.tsv);;All files (*)</source>
        <translation>表格 (*.txt *.csv *.tsv);;所有文件 (*)</translation>
    </message>
    <message>
        <source>Choose a file</source>
        <translation>选择文件</translation>
    </message>
</context>
<context>
    <name>PresetBar</name>
    <message>
        <source>Method</source>
        <translation>训练方法</translation>
    </message>
    <message>
        <source>Model family</source>
        <translation>模型系列</translation>
    </message>
    <message>
        <source>Configuration file</source>
        <translation>配置文件</translation>
    </message>
    <message>
        <source>Method: what is trained</source>
        <translation>训练方法：训练出什么</translation>
    </message>
    <message>
        <source>Kind of base model</source>
        <translation>底模的系列</translation>
    </message>
    <message>
        <source>Open a configuration file (Ctrl+O)</source>
        <translation>打开配置文件（Ctrl+O）</translation>
    </message>
    <message>
        <source>Save (Ctrl+S)</source>
        <translation>保存（Ctrl+S）</translation>
    </message>
    <message>
        <source>Save under another name (Ctrl+Shift+S)</source>
        <translation>另存为（Ctrl+Shift+S）</translation>
    </message>
    <message>
        <source>Recent files and examples</source>
        <translation>最近的文件与示例</translation>
    </message>
    <message>
        <source>Undo (Ctrl+Z)</source>
        <translation>撤销（Ctrl+Z）</translation>
    </message>
    <message>
        <source>Redo (Ctrl+Y)</source>
        <translation>重做（Ctrl+Y）</translation>
    </message>
    <message>
        <source>New, or back to the defaults</source>
        <translation>新建，或恢复默认值</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>another method</source>
        <translation>其他方法</translation>
    </message>
    <message>
        <source>not saved yet</source>
        <translation>尚未保存</translation>
    </message>
    <message>
        <source>has changes that are not saved</source>
        <translation>有未保存的修改</translation>
    </message>
    <message>
        <source>Options that {method} does not have were taken out: {keys}. Undo brings them back.</source>
        <translation>已去掉 {method} 没有的选项：{keys}。可以撤销。</translation>
    </message>
    <message>
        <source>No recent files</source>
        <translation>没有最近的文件</translation>
    </message>
    <message>
        <source>Examples that come with the program</source>
        <translation>程序自带的示例</translation>
    </message>
    <message>
        <source>New configuration</source>
        <translation>新建配置</translation>
    </message>
    <message>
        <source>Set every field to its default</source>
        <translation>全部恢复默认值</translation>
    </message>
    <message>
        <source>Save as ...</source>
        <translation>另存为…</translation>
    </message>
    <message>
        <source>The file was deleted or moved by another program. Your text is still here.</source>
        <translation>文件被其他程序删除或移走了。你的内容还在这里。</translation>
    </message>
    <message>
        <source>Save it again</source>
        <translation>重新保存</translation>
    </message>
    <message>
        <source>Another program changed this file while it was open here.</source>
        <translation>文件在这里打开期间，被其他程序改动了。</translation>
    </message>
    <message>
        <source>Keep mine</source>
        <translation>保留我的</translation>
    </message>
    <message>
        <source>Take theirs</source>
        <translation>采用磁盘上的</translation>
    </message>
    <message>
        <source>Compare ...</source>
        <translation>对比…</translation>
    </message>
</context>
<context>
    <name>PresetDocument</name>
    <message>
        <source>This preset has no file yet.</source>
        <translation>这个预设还没有文件。</translation>
    </message>
</context>
<context>
    <name>RawText</name>
    <message>
        <source>Caption file as text</source>
        <translation>标注文件的文本</translation>
    </message>
    <message>
        <source>The caption is empty.</source>
        <translation>标注为空。</translation>
    </message>
</context>
<context>
    <name>Recovery</name>
    <message>
        <source>Unsaved changes cannot be kept for the case of a crash: {why}</source>
        <translation>无法为防崩溃而保留未保存的修改：{why}</translation>
    </message>
</context>
<context>
    <name>ResolutionBox</name>
    <message>
        <source>{label}: width</source>
        <translation>{label}：宽度</translation>
    </message>
    <message>
        <source>{label}: height</source>
        <translation>{label}：高度</translation>
    </message>
    <message>
        <source>Square: both sides are equal</source>
        <translation>正方形：两边相等</translation>
    </message>
    <message>
        <source>Usual sizes</source>
        <translation>常用尺寸</translation>
    </message>
    <message>
        <source>Multiples of {step} train best.</source>
        <translation>用 {step} 的倍数训练效果最好。</translation>
    </message>
</context>
<context>
    <name>Results</name>
    <message>
        <source>only with {names}</source>
        <translation>仅用于 {names}</translation>
    </message>
</context>
<context>
    <name>RunHeader</name>
    <message>
        <source>{what}: asked, waits for the end of the step</source>
        <translation>{what}：已发出，等这一步结束</translation>
    </message>
    <message>
        <source>{what}: accepted, ends with this epoch</source>
        <translation>{what}：已接受，这一轮结束时停止</translation>
    </message>
    <message>
        <source>{what}: accepted, the state is being saved</source>
        <translation>{what}：已接受，正在保存状态</translation>
    </message>
    <message>
        <source>Step</source>
        <translation>步</translation>
    </message>
    <message>
        <source>Epoch</source>
        <translation>轮</translation>
    </message>
    <message>
        <source>Time left</source>
        <translation>剩余时间</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>Elapsed</source>
        <translation>已用时间</translation>
    </message>
    <message>
        <source>Memory (peak)</source>
        <translation>显存/内存峰值</translation>
    </message>
    <message>
        <source>Show or hide the list of runs</source>
        <translation>显示或隐藏运行列表</translation>
    </message>
    <message>
        <source>List of runs</source>
        <translation>运行列表</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>进度</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>Saves the state, ends the process and frees the GPU. Resume goes on exactly there.</source>
        <translation>保存状态，结束进程并释放 GPU。恢复训练会从原处继续。</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>恢复训练</translation>
    </message>
    <message>
        <source>Goes on from the newest saved state, in a new process.</source>
        <translation>从最新保存的状态，在新的进程里继续训练。</translation>
    </message>
    <message>
        <source>Stop after epoch</source>
        <translation>本轮后停止</translation>
    </message>
    <message>
        <source>Trains to the end of this epoch, saves, and ends.</source>
        <translation>训练到这一轮结束，保存，然后结束。</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Ends after this step. The file and the state are saved first.</source>
        <translation>这一步结束后停止。停止前会保存文件和状态。</translation>
    </message>
    <message>
        <source>Save now</source>
        <translation>立即保存</translation>
    </message>
    <message>
        <source>Writes a file and a state, and goes on.</source>
        <translation>写出一个文件和一份状态，然后继续训练。</translation>
    </message>
    <message>
        <source>Sample now</source>
        <translation>立即出样图</translation>
    </message>
    <message>
        <source>Draws the preview pictures of the preset, and goes on.</source>
        <translation>生成预设里的预览图，然后继续训练。</translation>
    </message>
</context>
<context>
    <name>RunList</name>
    <message>
        <source>Open folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Copy path</source>
        <translation>复制路径</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>恢复训练</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>运行记录</translation>
    </message>
    <message>
        <source>Filter by name</source>
        <translation>按名称筛选</translation>
    </message>
    <message>
        <source>Filter the runs by name</source>
        <translation>按名称筛选运行记录</translation>
    </message>
    <message>
        <source>Runs, newest first</source>
        <translation>运行记录，最新的在前</translation>
    </message>
</context>
<context>
    <name>RunMessage</name>
    <message>
        <source>The run was not resumed: {reason}</source>
        <translation>没能恢复训练：{reason}</translation>
    </message>
    <message>
        <source>Show log</source>
        <translation>查看日志</translation>
    </message>
    <message>
        <source>The training process has not answered for a while. What it saved last stays if you end it now.</source>
        <translation>训练进程已有一段时间没有响应。如果现在结束它，最后一次保存的内容仍会保留。</translation>
    </message>
    <message>
        <source>End it now</source>
        <translation>立即结束</translation>
    </message>
    <message>
        <source>Warning: {reason}</source>
        <translation>警告：{reason}</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>恢复训练</translation>
    </message>
    <message>
        <source>Failed: {reason}</source>
        <translation>失败：{reason}</translation>
    </message>
    <message>
        <source>Interrupted: {reason}</source>
        <translation>中断：{reason}</translation>
    </message>
    <message>
        <source>{what}. {mend}</source>
        <translation>{what}。{mend}</translation>
    </message>
    <message>
        <source>Change {option}</source>
        <translation>修改“{option}”</translation>
    </message>
</context>
<context>
    <name>RunWords</name>
    <message>
        <source>starting</source>
        <translation>启动中</translation>
    </message>
    <message>
        <source>running</source>
        <translation>运行中</translation>
    </message>
    <message>
        <source>finished</source>
        <translation>已完成</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>interrupted</source>
        <translation>已中断</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>已暂停</translation>
    </message>
    <message>
        <source>{s} s</source>
        <translation>{s} 秒</translation>
    </message>
    <message>
        <source>{m} min {s} s</source>
        <translation>{m} 分 {s} 秒</translation>
    </message>
    <message>
        <source>{h} h {m} min</source>
        <translation>{h} 小时 {m} 分</translation>
    </message>
    <message>
        <source>{d} d {h} h</source>
        <translation>{d} 天 {h} 小时</translation>
    </message>
    <message>
        <source>{n} it/s</source>
        <translation>{n} 步/秒</translation>
    </message>
    <message>
        <source>{n} s/it</source>
        <translation>{n} 秒/步</translation>
    </message>
    <message>
        <source>{m} min</source>
        <translation>{m} 分</translation>
    </message>
    <message>
        <source>{h} h</source>
        <translation>{h} 小时</translation>
    </message>
</context>
<context>
    <name>RunsPage</name>
    <message>
        <source>Resuming {run} ...</source>
        <translation>正在恢复训练 {run}…</translation>
    </message>
    <message>
        <source>No runs yet. Start one on the Train page (F5).</source>
        <translation>还没有运行记录。请在“训练”页开始训练（F5）。</translation>
    </message>
    <message>
        <source>Go to the Train page</source>
        <translation>转到“训练”页</translation>
    </message>
</context>
<context>
    <name>SampleCard</name>
    <message>
        <source>What training sees</source>
        <translation>训练实际看到的</translation>
    </message>
    <message>
        <source>Picture</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Epoch</source>
        <translation>轮</translation>
    </message>
    <message>
        <source>Repeat</source>
        <translation>第几次重复</translation>
    </message>
    <message>
        <source>Previous</source>
        <translation>上一张</translation>
    </message>
    <message>
        <source>Previous picture of the concept</source>
        <translation>这个概念的上一张图片</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>下一张</translation>
    </message>
    <message>
        <source>Next picture of the concept</source>
        <translation>这个概念的下一张图片</translation>
    </message>
    <message>
        <source>The picture, and what is cut out of it</source>
        <translation>原图，以及裁出的部分</translation>
    </message>
    <message>
        <source>The pixels that are trained</source>
        <translation>实际训练的像素</translation>
    </message>
    <message>
        <source>Show the mask</source>
        <translation>显示蒙版</translation>
    </message>
    <message>
        <source>The caption that is trained</source>
        <translation>实际训练的标注</translation>
    </message>
    <message>
        <source>(empty: dropped by chance, or there is none)</source>
        <translation>（空：被随机丢弃，或没有标注）</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>是</translation>
    </message>
    <message>
        <source>no</source>
        <translation>否</translation>
    </message>
    <message>
        <source>Size of the picture</source>
        <translation>图片尺寸</translation>
    </message>
    <message>
        <source>Scaled to</source>
        <translation>缩放到</translation>
    </message>
    <message>
        <source>Bucket, cut out of it</source>
        <translation>裁出的分桶尺寸</translation>
    </message>
    <message>
        <source>Mirrored</source>
        <translation>左右翻转</translation>
    </message>
    <message>
        <source>Tokens of the caption</source>
        <translation>标注的 token 数</translation>
    </message>
    <message>
        <source>Batch, and step</source>
        <translation>批次和步数</translation>
    </message>
    <message>
        <source>The preset has no seed: a training draws its own, and shuffles, crops and mirrors otherwise than here. Give a seed to see exactly what will be trained.</source>
        <translation>预设没有写种子：训练时会随机抽取，打乱、裁剪和镜像都与这里不同。写上种子，就能看到实际训练的内容。</translation>
    </message>
</context>
<context>
    <name>SampleGrid</name>
    <message>
        <source>Samples: a row for each prompt, a column for each step</source>
        <translation>样图：每条提示词一行，每个出图的步一列</translation>
    </message>
    <message>
        <source>Click or press Enter to compare two steps</source>
        <translation>点击或按 Enter，对比两步的样图</translation>
    </message>
    <message>
        <source>No samples yet. They appear here as the training draws them; Sample now asks for some.</source>
        <translation>还没有样图。训练生成后会显示在这里；也可以点“立即出样图”。</translation>
    </message>
</context>
<context>
    <name>SampleModel</name>
    <message>
        <source>step {step}</source>
        <translation>第 {step} 步</translation>
    </message>
    <message>
        <source>step {step}, seed {seed}: {prompt}</source>
        <translation>第 {step} 步，种子 {seed}：{prompt}</translation>
    </message>
    <message>
        <source>The file is missing</source>
        <translation>文件不见了</translation>
    </message>
</context>
<context>
    <name>SearchBox</name>
    <message>
        <source>Search options (Ctrl+F)</source>
        <translation>搜索选项（Ctrl+F）</translation>
    </message>
    <message>
        <source>Search options</source>
        <translation>搜索选项</translation>
    </message>
    <message>
        <source>Finds options by English or Chinese name, by key or by kohya&apos;s name.</source>
        <translation>可按英文名、中文名、键名或 kohya 中的名称查找选项。</translation>
    </message>
    <message>
        <source>Options found</source>
        <translation>找到的选项</translation>
    </message>
</context>
<context>
    <name>Settings</name>
    <message>
        <source>{file}: is damaged; it was kept as {name}, and the defaults are used.</source>
        <translation>{file}：已损坏；保留为 {name}，改用默认设置。</translation>
    </message>
    <message>
        <source>{file}: cannot be read ({why}); the defaults are used.</source>
        <translation>{file}：无法读取（{why}）；改用默认设置。</translation>
    </message>
    <message>
        <source>{file}: settings cannot be written: {why}</source>
        <translation>{file}：设置无法写入：{why}</translation>
    </message>
</context>
<context>
    <name>SettingsPage</name>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>At the start show</source>
        <translation>启动时显示</translation>
    </message>
    <message>
        <source>Folders searched for runs</source>
        <translation>查找运行记录的文件夹</translation>
    </message>
    <message>
        <source>Folder of settings</source>
        <translation>设置文件夹</translation>
    </message>
    <message>
        <source>Keyboard</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>About</source>
        <translation>关于</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>the configuration opened last</source>
        <translation>上次打开的配置</translation>
    </message>
    <message>
        <source>an empty configuration</source>
        <translation>空白配置</translation>
    </message>
    <message>
        <source>Output folders whose runs the Runs page lists, beside that of the open configuration.</source>
        <translation>除了当前配置的输出文件夹外，“运行记录”页还会列出这些输出文件夹里的运行。</translation>
    </message>
    <message>
        <source>Add a folder ...</source>
        <translation>添加文件夹…</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Takes it off this list; the folder stays</source>
        <translation>从列表中移除；文件夹仍然保留</translation>
    </message>
    <message>
        <source>Settings and rescued work lie here, and nothing else.</source>
        <translation>这里只存放设置和找回的未保存内容。</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Open the folder of settings</source>
        <translation>打开设置文件夹</translation>
    </message>
    <message>
        <source>kohya-like {version}, under the Apache License 2.0.
Runs, with their samples and files, lie in the output folder of each configuration. Encoded pictures and captions lie in a cache of their own, never among your pictures.
No telemetry: the program reports nothing to anyone, and downloads nothing without being asked.</source>
        <translation>kohya-like {version}，采用 Apache License 2.0 许可证。
运行记录连同样图和文件，存放在各配置的输出文件夹里。编码后的图片和标注存放在单独的缓存里，绝不会混进你的图片。
没有遥测：程序不会向任何人发送信息，未经你要求也不会下载任何内容。</translation>
    </message>
    <message>
        <source>Start training</source>
        <translation>开始训练</translation>
    </message>
    <message>
        <source>Open, save, new configuration</source>
        <translation>打开、保存、新建配置</translation>
    </message>
    <message>
        <source>Save as</source>
        <translation>另存为</translation>
    </message>
    <message>
        <source>Undo, redo</source>
        <translation>撤销、重做</translation>
    </message>
    <message>
        <source>Find a field</source>
        <translation>查找选项</translation>
    </message>
    <message>
        <source>Train, Dataset, Runs, Settings</source>
        <translation>训练、数据集、运行记录、设置</translation>
    </message>
    <message>
        <source>Fold the list of pages</source>
        <translation>收起页面列表</translation>
    </message>
    <message>
        <source>An output folder that holds runs</source>
        <translation>含有运行记录的输出文件夹</translation>
    </message>
    <message>
        <source>Its runs are listed until the window is closed.</source>
        <translation>在关闭窗口之前会列出其中的运行记录。</translation>
    </message>
    <message>
        <source>Nothing has been stored there yet.</source>
        <translation>那里还没有存放任何内容。</translation>
    </message>
</context>
<context>
    <name>ShortcutSheet</name>
    <message>
        <source>Keys of the captions page</source>
        <translation>标注页的快捷键</translation>
    </message>
    <message>
        <source>As at first</source>
        <translation>恢复默认</translation>
    </message>
    <message>
        <source>{key} belongs to the window.</source>
        <translation>{key} 由窗口使用。</translation>
    </message>
    <message>
        <source>{key} was taken from: {action}</source>
        <translation>{key} 原属于：{action}</translation>
    </message>
</context>
<context>
    <name>SidePanel</name>
    <message>
        <source>Summary and check</source>
        <translation>概要与检查</translation>
    </message>
    <message>
        <source>checking ...</source>
        <translation>正在检查…</translation>
    </message>
    <message>
        <source>Check before the start</source>
        <translation>训练前检查</translation>
    </message>
    <message>
        <source>Not checked yet.</source>
        <translation>尚未检查。</translation>
    </message>
    <message>
        <source>One error to mend first.</source>
        <translation>请先修改 1 个错误。</translation>
    </message>
    <message>
        <source>{count} errors to mend first.</source>
        <translation>请先修改 {count} 个错误。</translation>
    </message>
    <message>
        <source>Ready to start.</source>
        <translation>可以开始训练。</translation>
    </message>
    <message>
        <source>The numbers below are from before: the preset cannot be read as it is now.</source>
        <translation>预设目前无法读取；下面的数字是之前的。</translation>
    </message>
    <message>
        <source>The numbers below take the default for each option that is wrong.</source>
        <translation>有错误的选项，下面的数字按默认值计算。</translation>
    </message>
</context>
<context>
    <name>SingleView</name>
    <message>
        <source>The picture; Space switches between the whole and 100 %</source>
        <translation>图片；按空格键在整张和 100 % 之间切换</translation>
    </message>
    <message>
        <source>Reading the picture ...</source>
        <translation>正在读取图片……</translation>
    </message>
</context>
<context>
    <name>StatusLine</name>
    <message>
        <source>Stop reading and close the folder</source>
        <translation>停止读取并关闭文件夹</translation>
    </message>
    <message>
        <source>{count} chosen</source>
        <translation>已选 {count} 张</translation>
    </message>
    <message>
        <source>Reading captions</source>
        <translation>正在读取标注</translation>
    </message>
    <message>
        <source>{count} to decide</source>
        <translation>{count} 条待决定</translation>
    </message>
    <message>
        <source>{count} not saved yet</source>
        <translation>{count} 条尚未保存</translation>
    </message>
    <message>
        <source>All saved</source>
        <translation>全部已保存</translation>
    </message>
</context>
<context>
    <name>StepsCard</name>
    <message>
        <source>Steps</source>
        <translation>步数</translation>
    </message>
    <message>
        <source>Count of each bucket</source>
        <translation>各分桶的数量</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>Counted as soon as the preset can be read.</source>
        <translation>能读取预设后开始统计。</translation>
    </message>
    <message>
        <source>Not known yet: there are no pictures to train on.</source>
        <translation>还不知道：没有可以训练的图片。</translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Kept for validation</source>
        <translation>留作验证</translation>
    </message>
    <message>
        <source>Epochs</source>
        <translation>轮数</translation>
    </message>
    <message>
        <source>Steps per epoch</source>
        <translation>每轮步数</translation>
    </message>
    <message>
        <source>Warm-up steps</source>
        <translation>预热步数</translation>
    </message>
    <message>
        <source>The formula of the tutorials gives {count}. It leaves out that each bucket ends with a batch of its own, which may be smaller.</source>
        <translation>按教程的公式是 {count}。它没有考虑每个分桶的最后一批可能不满。</translation>
    </message>
    <message>
        <source>samples {samples}, batches {batches}</source>
        <translation>样本 {samples}，批次 {batches}</translation>
    </message>
    <message>
        <source>{count} more</source>
        <translation>另有 {count} 项</translation>
    </message>
    <message>
        <source>Saved during the run</source>
        <translation>训练中保存</translation>
    </message>
    <message>
        <source>Kept of them</source>
        <translation>其中保留</translation>
    </message>
    <message>
        <source>The last one</source>
        <translation>最后的文件</translation>
    </message>
    <message>
        <source>Size of each</source>
        <translation>每个大小</translation>
    </message>
    <message>
        <source>about {size}</source>
        <translation>约 {size}</translation>
    </message>
</context>
<context>
    <name>SwitchBox</name>
    <message>
        <source>on</source>
        <translation>开</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关</translation>
    </message>
</context>
<context>
    <name>TableBox</name>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>值</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message>
        <source>{label}: add a line</source>
        <translation>{label}：添加一行</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>{label}: remove the chosen line</source>
        <translation>{label}：移除选中的一行</translation>
    </message>
</context>
<context>
    <name>TagLine</name>
    <message>
        <source>Suggestions</source>
        <translation>建议</translation>
    </message>
</context>
<context>
    <name>TagMenu</name>
    <message>
        <source>Show pictures with it</source>
        <translation>显示含有它的图片</translation>
    </message>
    <message>
        <source>Show pictures without it</source>
        <translation>显示不含它的图片</translation>
    </message>
    <message>
        <source>Rename everywhere ...</source>
        <translation>全部重命名……</translation>
    </message>
    <message>
        <source>Remove everywhere ...</source>
        <translation>全部移除……</translation>
    </message>
    <message>
        <source>Translation ...</source>
        <translation>翻译……</translation>
    </message>
    <message>
        <source>Favourite</source>
        <translation>常用标签</translation>
    </message>
</context>
<context>
    <name>TaggerFetch</name>
    <message>
        <source>Name of a tagger on the hub</source>
        <translation>模型站上打标模型的名称</translation>
    </message>
    <message>
        <source>Look up</source>
        <translation>查找</translation>
    </message>
    <message>
        <source>Ask huggingface.co what this tagger has; nothing is downloaded</source>
        <translation>询问 huggingface.co 这个打标模型有哪些文件；不会下载</translation>
    </message>
    <message>
        <source>Fetch</source>
        <translation>下载</translation>
    </message>
    <message>
        <source>Asking ...</source>
        <translation>正在询问……</translation>
    </message>
    <message>
        <source>Fetched. It is the model folder now.</source>
        <translation>已下载，现在就是模型文件夹。</translation>
    </message>
    <message>
        <source>{files}: {size}, licence {licence}</source>
        <translation>{files}：{size}，许可证 {licence}</translation>
    </message>
</context>
<context>
    <name>TaggerForm</name>
    <message>
        <source>WD14 tags (ONNX)</source>
        <translation>WD14 标签（ONNX）</translation>
    </message>
    <message>
        <source>BLIP sentences</source>
        <translation>BLIP 句子</translation>
    </message>
    <message>
        <source>CLIP against a word list</source>
        <translation>CLIP 比对词表</translation>
    </message>
    <message>
        <source>A server (OpenAI-compatible)</source>
        <translation>服务器（兼容 OpenAI）</translation>
    </message>
    <message>
        <source>Tagger</source>
        <translation>打标模型</translation>
    </message>
    <message>
        <source>Model folder</source>
        <translation>模型文件夹</translation>
    </message>
    <message>
        <source>Begins with</source>
        <translation>开头</translation>
    </message>
    <message>
        <source>Word list</source>
        <translation>词表</translation>
    </message>
    <message>
        <source>Text encoder</source>
        <translation>文本编码器</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Question</source>
        <translation>问题</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>Key</source>
        <translation>密钥</translation>
    </message>
    <message>
        <source>folder with model.onnx and selected_tags.csv</source>
        <translation>含 model.onnx 和 selected_tags.csv 的文件夹</translation>
    </message>
    <message>
        <source>folder as transformers saves it</source>
        <translation>transformers 保存的文件夹</translation>
    </message>
    <message>
        <source>a photo of ...</source>
        <translation>例如 a photo of ...</translation>
    </message>
    <message>
        <source>a text file, a word on each line</source>
        <translation>文本文件，每行一个词</translation>
    </message>
    <message>
        <source>base model, if the folder has no text half</source>
        <translation>底模（当文件夹里没有文本部分时）</translation>
    </message>
    <message>
        <source>kept for this session only</source>
        <translation>只在本次运行中保留</translation>
    </message>
    <message>
        <source>a sentence</source>
        <translation>一个句子</translation>
    </message>
    <message>
        <source>tags, with commas between</source>
        <translation>用逗号分隔的标签</translation>
    </message>
    <message>
        <source>Browse: {what}</source>
        <translation>浏览：{what}</translation>
    </message>
    <message>
        <source>Browse ...</source>
        <translation>浏览……</translation>
    </message>
</context>
<context>
    <name>TokenBar</name>
    <message>
        <source>longest: {tokens} tokens</source>
        <translation>最长：{tokens} 个 token</translation>
    </message>
    <message>
        <source>{tokens} tokens</source>
        <translation>{tokens} 个 token</translation>
    </message>
    <message>
        <source>{count} more than training reads ({most})</source>
        <translation>比训练读取的（{most}）多 {count} 个</translation>
    </message>
    <message>
        <source>{count} chunks of 75</source>
        <translation>{count} 段，每段 75 个</translation>
    </message>
    <message>
        <source>Tokens of the line that training reads, with marks at 75, 150 and 225. The thick mark is what this configuration reads. CLIP ViT-L and OpenCLIP bigG cut text alike: the number holds for both encoders.</source>
        <translation>训练所读那一行的 token 数，刻度为 75、150 和 225，粗刻度是当前配置文件读取的上限。CLIP ViT-L 与 OpenCLIP bigG 的分词相同：这个数对两个文本编码器都适用。</translation>
    </message>
</context>
<context>
    <name>ToolPane</name>
    <message>
        <source>Close (Esc)</source>
        <translation>关闭（Esc）</translation>
    </message>
    <message>
        <source>Close this tool</source>
        <translation>关闭这个工具</translation>
    </message>
</context>
<context>
    <name>Toolbar</name>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>重做</translation>
    </message>
    <message>
        <source>Find and replace</source>
        <translation>查找和替换</translation>
    </message>
    <message>
        <source>Edit many</source>
        <translation>批量编辑</translation>
    </message>
    <message>
        <source>Remove repeated</source>
        <translation>移除重复</translation>
    </message>
    <message>
        <source>Auto-tag</source>
        <translation>自动打标签</translation>
    </message>
    <message>
        <source>Mask</source>
        <translation>蒙版</translation>
    </message>
    <message>
        <source>History</source>
        <translation>历史</translation>
    </message>
    <message>
        <source>Undo: {what}</source>
        <translation>撤销：{what}</translation>
    </message>
    <message>
        <source>Redo: {what}</source>
        <translation>重做：{what}</translation>
    </message>
</context>
<context>
    <name>TrainPage</name>
    <message>
        <source>Source model</source>
        <translation>底模</translation>
    </message>
    <message>
        <source>Folders</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>参数</translation>
    </message>
    <message>
        <source>Basic</source>
        <translation>基础</translation>
    </message>
    <message>
        <source>Advanced</source>
        <translation>进阶</translation>
    </message>
    <message>
        <source>Samples</source>
        <translation>样图</translation>
    </message>
    <message>
        <source>Basic options</source>
        <translation>基础选项</translation>
    </message>
    <message>
        <source>All options</source>
        <translation>全部选项</translation>
    </message>
    <message>
        <source>Show the options that most trainings need</source>
        <translation>只显示大多数训练需要的选项</translation>
    </message>
    <message>
        <source>Show every option, also those for experts</source>
        <translation>显示所有选项，包括专家选项</translation>
    </message>
</context>
<context>
    <name>TranslationDialog</name>
    <message>
        <source>Translation</source>
        <translation>翻译</translation>
    </message>
    <message>
        <source>Translation of the tag</source>
        <translation>标签的翻译</translation>
    </message>
    <message>
        <source>Kept in {file}, which may be edited by hand: a tag, a tab, its translation.</source>
        <translation>保存在 {file}，可以手工编辑：标签、制表符、翻译。</translation>
    </message>
</context>
<context>
    <name>UnknownRow</name>
    <message>
        <source>Rename to {key}</source>
        <translation>改名为 {key}</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Rename {old} to {new}</source>
        <translation>把 {old} 改名为 {new}</translation>
    </message>
    <message>
        <source>Remove {key} from the preset</source>
        <translation>把 {key} 从预设中移除</translation>
    </message>
</context>
<context>
    <name>_ConceptRow</name>
    <message>
        <source>auto</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>Repeats; 0: as many as the steps want</source>
        <translation>重复次数；0 表示按步数自动计算</translation>
    </message>
    <message>
        <source>class words, such as: sks cat</source>
        <translation>类别词，例如：sks cat</translation>
    </message>
    <message>
        <source>Class words</source>
        <translation>类别词</translation>
    </message>
    <message>
        <source>folder of pictures</source>
        <translation>图片文件夹</translation>
    </message>
    <message>
        <source>Folder of pictures</source>
        <translation>图片文件夹</translation>
    </message>
    <message>
        <source>Choose the folder of pictures</source>
        <translation>选择图片文件夹</translation>
    </message>
    <message>
        <source>Take this concept out</source>
        <translation>去掉这个概念</translation>
    </message>
</context>
<context>
    <name>_Editing</name>
    <message>
        <source>New name of the tag</source>
        <translation>标签的新名称</translation>
    </message>
</context>
<context>
    <name>_Entries</name>
    <message>
        <source>As it was at first</source>
        <translation>最初的状态</translation>
    </message>
    <message>
        <source>{what} (undone)</source>
        <translation>{what}（已撤销）</translation>
    </message>
</context>
</TS>
